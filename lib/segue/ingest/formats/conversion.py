"""Convert files that are not text line by line into lines, in Spark.

Only files whose name or first lines show that they need it are converted. Workers read each of them as a whole, so that
its size is bounded; its lines have the columns of ``text_scan.text_lines``.
"""

import codecs
import logging
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue.errors import InputError
from segue.ingest.formats import file_content, json_documents, text_scan
from segue.ingest.formats.file_content import MAX_FILE_BYTES, size_text
from segue.ingest.formats.text_scan import HEAD_LINES, FileScan
from segue.ingest.input_files import InputFile, literal_path

log = logging.getLogger(__name__)
_BATCH_BYTES = 1 << 20
_BATCH_LINES = 4096
_ARROW_SCHEMA = pa.schema([("file_id", pa.int64()), ("block", pa.int64()), ("value", pa.binary())])


def needs_conversion(file: InputFile, scan: FileScan | None, known: Collection[str]) -> bool:
    """Return whether a file is not text line by line, by its format or the first lines that a scan has found.

    ``known`` has normalised headers, as ``header_candidates.known_headers`` returns them.
    """
    if file.format in ("zip", "xlsx"):
        return True
    if scan is None:
        return False
    if not file_content.begins_as_lines(file.format, b"\n".join(scan.head)):
        return True
    return file.format == "json" and json_documents.is_document(scan.head, known, is_all=scan.n_lines <= HEAD_LINES)


def scan_converted(
    spark: SparkSession, files: Sequence[InputFile], known: frozenset[str], encoding: str
) -> tuple[list[InputFile], dict[int, FileScan]]:
    """Return files that need conversion with the format of their lines, and their scans. Runs two or three Spark jobs.

    Parameters
    ----------
    spark : SparkSession
    files : sequence of InputFile
        Files for which ``needs_conversion`` is true.
    known : frozenset of str
        Normalised headers, as ``header_candidates.known_headers`` returns them.
    encoding : str
        Encoding of the texts in zip archives that have no byte order mark.

    Raises
    ------
    InputError
        If a file is damaged, encrypted or too large, or a zip archive does not hold exactly one data file.
    """
    converted = _inspect(spark, files, known)
    scans: dict[int, FileScan] = {}
    for file_format in ("csv", "json"):
        if format_files := [file for file in converted if file.format == file_format]:
            is_json = file_format == "json"
            scans |= text_scan.scan_files(converted_lines(spark, format_files, known), encoding, json=is_json)
            # the mark of lines that were decoded here overrules the encoding that the user gives for all files
            marked = [file for file in format_files if file.id in scans and _is_marked(scans[file.id])]
            if marked and encoding not in (text_scan.AUTO, "utf-8"):
                scans |= text_scan.scan_files(converted_lines(spark, marked, known), "utf-8", json=is_json)
    return converted, scans


def _is_marked(scan: FileScan) -> bool:
    return bool(scan.head) and scan.head[0].startswith(codecs.BOM_UTF8)


def converted_lines(spark: SparkSession, files: Sequence[InputFile], known: frozenset[str]) -> DataFrame:
    """Return a lazy DataFrame of the lines of files that ``scan_converted`` has accepted, as ``text_scan.text_lines``.

    All lines of a file are in one partition, in their order, with the block 0. Lines that this module has decoded are
    UTF-8, and the first of them begins with a byte order mark.
    """
    by_id = {file.id: file for file in files}

    def convert_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for file_id, content in _contents(batches):
            for lines in _in_batches(_convert(by_id[file_id], content, known).lines):
                ids, blocks = pa.repeat(file_id, len(lines)), pa.repeat(0, len(lines))
                arrays = [ids.cast(pa.int64()), blocks.cast(pa.int64()), pa.array(lines, pa.binary())]
                yield pa.RecordBatch.from_arrays(arrays, schema=_ARROW_SCHEMA)

    lines = _read_contents(spark, files).mapInArrow(convert_batches, "file_id long, block long, value binary")
    return lines.select("file_id", "block", "value", F.xxhash64("value").alias("hash"))


def _inspect(spark: SparkSession, files: Sequence[InputFile], known: frozenset[str]) -> list[InputFile]:
    """Return files with the format of their lines. Runs one Spark job that converts them, and raises their faults."""
    for file in files:
        if file.size > MAX_FILE_BYTES:
            raise InputError(
                f"{file.source_file} has {size_text(file.size)}, expected at most {size_text(MAX_FILE_BYTES)} for a "
                "zip archive, workbook, UTF-16 file or JSON document; convert it to CSV in UTF-8, JSON lines or Parquet"
            )
    by_id = {file.id: file for file in files}

    def inspect_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for file_id, content in _contents(batches):
            result, fault = file_content.Lines("", ()), ""
            try:
                result = _convert(by_id[file_id], content, known)
                deque(result.lines, maxlen=0)
            except InputError as error:
                fault = str(error)
            values = [[file_id], [result.format], [result.note], [fault]]
            yield pa.RecordBatch.from_arrays(
                [pa.array(v) for v in values], names=["file_id", "format", "note", "fault"]
            )

    schema = "file_id long, format string, note string, fault string"
    rows = {row.file_id: row for row in _read_contents(spark, files).mapInArrow(inspect_batches, schema).collect()}
    for file in files:
        if rows[file.id].fault:
            raise InputError(f"{file.source_file} {rows[file.id].fault}")
        if rows[file.id].note:
            log.info("%s: %s", file.source_file, rows[file.id].note)
    return [replace(file, format=rows[file.id].format) for file in files]


def _convert(file: InputFile, content: bytes, known: Collection[str]) -> file_content.Lines:
    return file_content.convert(file.source_file, file.format, content, known)


def _read_contents(spark: SparkSession, files: Sequence[InputFile]) -> DataFrame:
    contents = spark.read.format("binaryFile").load([literal_path(file.uri) for file in files])
    return contents.select(F.xxhash64("_metadata.file_path").alias("file_id"), "content")


def _contents(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, bytes]]:
    for batch in batches:
        for file_id, content in zip(batch["file_id"], batch["content"], strict=True):
            yield file_id.as_py(), content.as_py()


def _in_batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield lists of lines, each with some ``_BATCH_BYTES`` in all."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line)
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_LINES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
