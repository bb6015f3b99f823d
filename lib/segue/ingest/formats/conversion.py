"""Convert files that do not have one row per line: zip archives, workbooks, UTF-16 text and JSON documents.

The name and the first lines of a file show whether it needs conversion (``needs_conversion``). A worker holds the whole
file in memory; therefore its size is limited to ``MAX_FILE_BYTES``. The result is a DataFrame with one row per line and
the columns of ``text_scan.text_lines``.
"""

import codecs
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue.core.paths import begins_with_long_line
from segue.errors import InputError
from segue.ingest.formats import file_content, json_documents, text_scan
from segue.ingest.formats.file_content import MAX_FILE_BYTES, size_text
from segue.ingest.formats.text_scan import HEAD_LINES, FileScan
from segue.ingest.input_files import InputFile, is_compressed, literal_path

_MIN_COMPRESSED = 2 << 20
"""Compressed files above this size are checked, as they may exceed ``MAX_FILE_BYTES`` after decompression."""
_N_THREADS = 8
_BATCH_BYTES = 1 << 20
_BATCH_LINES = 4096
_LINES = "file_id long, block long, value binary, track_id string"
_ARROW_SCHEMA = pa.schema(
    [("file_id", pa.int64()), ("block", pa.int64()), ("value", pa.binary()), ("track_id", pa.string())]
)


def refuse_long_documents(spark: SparkSession, files: Iterable[InputFile]) -> None:
    """Raise InputError if a text file is a JSON document on one line that exceeds ``MAX_FILE_BYTES``.

    Spark holds a whole line in memory, and a line of 100 MB may end the process. Runs no Spark job: the driver reads
    the beginning of each large file.
    """
    large = [file for file in files if file.size > (_MIN_COMPRESSED if is_compressed(file.uri) else MAX_FILE_BYTES)]
    # guard: long-documents-refused -> large = []
    if not large:
        return
    with ThreadPoolExecutor(_N_THREADS) as threads:
        checks = [
            threads.submit(begins_with_long_line, spark, file.uri, (b"[", b"{"), MAX_FILE_BYTES) for file in large
        ]
    for file, check in zip(large, checks, strict=True):
        if check.result():
            raise InputError(
                f"{file.source_file} is a JSON document on one line of more than {size_text(MAX_FILE_BYTES)}, expected "
                "one object per line in files of that size; convert it with: jq -c '.[]' FILE > FILE.jsonl"
            )


def needs_conversion(file: InputFile, scan: FileScan | None, known: Collection[str]) -> bool:
    """Return whether a file must be converted, because it does not have one row per line.

    Zip archives and workbooks always need conversion. For the formats ``csv`` and ``json``, the first lines decide.

    Parameters
    ----------
    file : InputFile
    scan : FileScan or None
        The scan of the file's lines; None for a file without lines.
    known : collection of str
        Normalised headers of all format definitions, from ``header_candidates.known_headers``.
    """
    if file.format in ("zip", "xlsx"):
        return True
    if scan is None:
        return False
    if not file_content.begins_as_lines(file.format, b"\n".join(scan.head)):
        return True
    return file.format == "json" and json_documents.is_document(scan.head, known, is_all=scan.n_lines <= HEAD_LINES)


@dataclass(frozen=True, slots=True)
class ConvertedFiles:
    """Files that need conversion, and the results of their inspection.

    Attributes
    ----------
    files : the files; the attribute ``format`` of each is the format of its lines after conversion, ``csv`` or ``json``
    features : ids of JSON documents of audio features, to be joined to the tracks of the other files by track id; empty
        if no file is a document of tracks (see ``json_documents.document_kind``)
    notes : dict from file id to a sentence for the log about a choice within the file, such as "sheet 'Songs' is read;
        not read: Notes"; files without such a choice are absent
    """

    files: tuple[InputFile, ...] = ()
    features: frozenset[int] = frozenset()
    notes: Mapping[int, str] = field(default_factory=dict)

    def of_format(self, file_format: str) -> "ConvertedFiles":
        """Return a copy with only the files of one format, ``csv`` or ``json``."""
        return replace(self, files=tuple(file for file in self.files if file.format == file_format))


def scan_converted(
    spark: SparkSession, files: Sequence[InputFile], known: frozenset[str], encoding: str
) -> tuple[ConvertedFiles, dict[int, FileScan]]:
    """Inspect files that need conversion; return them as ConvertedFiles, and a dict from file id to FileScan.

    Runs up to five Spark jobs. One opens all files. Then, for each of the formats CSV and JSON, one job converts and
    scans the files with lines of this format. It runs twice if the lines of a file begin with a byte order mark and
    ``encoding`` is neither ``auto`` nor ``utf-8``.

    Parameters
    ----------
    spark : SparkSession
    files : sequence of InputFile
        Files for which ``needs_conversion`` is true.
    known : frozenset of str
        Normalised headers of all format definitions, from ``header_candidates.known_headers``.
    encoding : str
        The setting ``ingest.encoding``. It does not apply to files whose converted lines begin with a byte order mark,
        such as workbooks: these lines are UTF-8.

    Raises
    ------
    InputError
        If a file cannot be converted, for example because it is damaged, encrypted or too large, or because a zip
        archive does not hold exactly one data file.
    """
    converted = _inspect(spark, files, known)
    scans: dict[int, FileScan] = {}
    for file_format in ("csv", "json"):
        of_format = converted.of_format(file_format)
        if of_format.files:
            lines = converted_lines(spark, of_format, known, with_faults=True)
            scans |= _scan(lines, of_format.files, encoding)
            # lines that were decoded here begin with a byte order mark, which overrules the user's encoding
            marked = {file.id for file in of_format.files if file.id in scans and _is_marked(scans[file.id])}
            if marked and encoding not in (text_scan.AUTO, "utf-8"):
                as_utf8 = _scan(lines, of_format.files, "utf-8")
                scans |= {file_id: as_utf8[file_id] for file_id in marked}
    return converted, scans


def _scan(lines: DataFrame, files: Sequence[InputFile], encoding: str) -> dict[int, FileScan]:
    """Scan ``lines``, the lines of ``files`` of one format; return a dict from file id to FileScan.

    Runs one Spark job. Raises InputError about the first damaged file, if there is one.
    """
    scans = text_scan.scan_files(lines, encoding, json=files[0].format == "json")
    for file in files:
        if fault := scans.get(_fault_id(file.id)):
            raise InputError(f"{file.source_file} {fault.head[0].decode('utf-8')}")
    return scans


def _fault_id(file_id: int) -> int:
    """Return the ``file_id`` of the row in which ``converted_lines`` stores the error message of a damaged file.

    Ids of files are hashes of 64 bits, so another file has this id by an unlikely accident only.
    """
    return ~file_id


def _is_marked(scan: FileScan) -> bool:
    return bool(scan.head) and scan.head[0].startswith(codecs.BOM_UTF8)


def converted_lines(
    spark: SparkSession, converted: ConvertedFiles, known: frozenset[str], *, with_faults: bool = False
) -> DataFrame:
    """Return a lazy DataFrame of the lines of files, with the columns of ``text_scan.text_lines``.

    Each computation of the DataFrame converts the files. The column ``block`` is always 0. The lines of a file are in
    one partition and in order, unless audio features of another file are joined. The lines of workbooks and of UTF-16
    and UTF-32 text are UTF-8, and the first begins with a byte order mark; all other lines keep their encoding.

    Parameters
    ----------
    spark : SparkSession
    converted : ConvertedFiles
        The files, from ``scan_converted``.
    known : frozenset of str
        Normalised headers of all format definitions, from ``header_candidates.known_headers``.
    with_faults : bool
        True: for each damaged file, the result has a row with the error message, and the ``file_id`` from
        ``_fault_id``. False: a damaged file makes the Spark job fail.
    """
    by_id = {file.id: file for file in converted.files}
    features = converted.features & by_id.keys()

    def convert_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for file_id, content in _contents(batches):
            try:
                for lines in _in_batches(_convert(by_id[file_id], content, known).lines):
                    yield _batch(file_id, lines, with_ids=bool(features))
            except InputError as error:
                if not with_faults:
                    raise
                yield _batch(_fault_id(file_id), [str(error).encode("utf-8")], with_ids=False)

    lines = _read_contents(spark, converted.files).mapInArrow(convert_batches, _LINES)
    if features:
        lines = _join_features(lines, features)
    return lines.select("file_id", "block", "value", F.xxhash64("value").alias("hash"))


def _batch(file_id: int, lines: Sequence[bytes], *, with_ids: bool) -> pa.RecordBatch:
    """Return a batch of lines of one file, with the columns ``_LINES``.

    If ``with_ids`` is true, each line is a JSON object, and the column ``track_id`` has its track id. Otherwise the
    column is null.
    """
    if with_ids:
        # _join_features expects "}" at the end, and lines may end in a carriage return
        lines = [line.rstrip() for line in lines]
    ids = [json_documents.track_id_of(line.removeprefix(codecs.BOM_UTF8)) if with_ids else None for line in lines]
    arrays = [
        pa.repeat(file_id, len(lines)).cast(pa.int64()),
        pa.repeat(0, len(lines)).cast(pa.int64()),
        pa.array(lines, pa.binary()),
        pa.array(ids, pa.string()),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=_ARROW_SCHEMA)


def _join_features(lines: DataFrame, features: frozenset[int]) -> DataFrame:
    """Add audio features to the tracks of other files by track id. Each line is a JSON object.

    The lines of the files with the ids ``features`` are objects with audio features. Each object is added to the tracks
    with the same track id, as their member ``audio_features``; of several objects with one track id, only the first in
    byte order. Objects that are added to no track stay lines of their own.
    """
    is_features = F.col("file_id").isin([*features]) & F.col("track_id").isNotNull()
    tracks, objects = lines.where(~is_features), lines.where(is_features)
    of_tracks = objects.join(tracks.select("track_id").distinct(), "track_id", "left_semi")
    added = of_tracks.groupBy(F.col("track_id").alias("added_id")).agg(F.min("value").alias("added"))
    unmarked = "CASE WHEN startswith(added, X'EFBBBF') THEN substring(added, 4) ELSE added END"
    member = F.concat(F.lit(b', "audio_features": '), F.expr(unmarked), F.lit(b"}"))
    open_object = F.expr("substring(value, 1, length(value) - 1)")
    value = F.when(F.col("added").isNull(), F.col("value")).otherwise(F.concat(open_object, member))
    # guard: features-of-other-files-joined -> joined = tracks
    joined = tracks.join(added, F.col("track_id") == F.col("added_id"), "left").withColumn("value", value)
    is_added = (F.col("track_id") == F.col("added_id")) & (F.col("value") == F.col("added"))
    columns = ("file_id", "block", "value")
    return joined.select(*columns).union(objects.join(added, is_added, "left_anti").select(*columns))


def _inspect(spark: SparkSession, files: Sequence[InputFile], known: frozenset[str]) -> ConvertedFiles:
    """Open files, and return them as ConvertedFiles. Runs one Spark job.

    Raises InputError for the first file that is too large, else for the first file that cannot be converted.
    """
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
            except InputError as error:
                fault = str(error)
            values = [[file_id], [result.format], [result.note], [result.kind], [fault]]
            names = ["file_id", "format", "note", "kind", "fault"]
            yield pa.RecordBatch.from_arrays([pa.array(value) for value in values], names=names)

    schema = "file_id long, format string, note string, kind string, fault string"
    rows = {row.file_id: row for row in _read_contents(spark, files).mapInArrow(inspect_batches, schema).collect()}
    for file in files:
        if rows[file.id].fault:
            raise InputError(f"{file.source_file} {rows[file.id].fault}")
    ids = {kind: frozenset(file.id for file in files if rows[file.id].kind == kind) for kind in ("features", "tracks")}
    converted = tuple(replace(file, format=rows[file.id].format) for file in files)
    notes = {file.id: rows[file.id].note for file in files if rows[file.id].note}
    return ConvertedFiles(converted, ids["features"] if ids["tracks"] else frozenset(), notes)


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
    """Group lines into lists; a list ends as soon as it has ``_BATCH_BYTES`` bytes or ``_BATCH_LINES`` lines."""
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
