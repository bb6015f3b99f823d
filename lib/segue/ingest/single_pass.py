"""Read large text files in a single pass: make FilePlans from pieces of each file, read the rows, verify the plans.

The first plans are provisional. Workers that read the rows also scan all lines, as the first pass of
``text_files.read_text_files`` does. The final plans are made from these scans. If the provisional plans read the same
rows as the final plans would, the rows are right; if not, the files are read again.
"""

import codecs
import logging
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.sql import DataFrame, SparkSession

from segue.core.paths import read_parts
from segue.core.spark_helpers import list_accumulator
from segue.errors import InputError
from segue.ingest import text_files, text_reader
from segue.ingest.columns.column_rules import ColumnRules, join_names
from segue.ingest.columns.header_candidates import known_headers
from segue.ingest.file_plans import FilePlan, TextRows
from segue.ingest.formats import conversion, text_scan
from segue.ingest.formats.text_scan import HEAD_LINES, BlockScans, FileScan
from segue.ingest.input_files import InputFile, is_compressed, is_large
from segue.ingest.text_files import TextOptions
from segue.ingest.text_reader import ScanCollector

log = logging.getLogger(__name__)
_MAX_FILES = 64
_N_THREADS = 8
_MIN_FILE_BYTES = 16 << 20
_N_PIECES = 4
_PIECE_BYTES = 128 << 10


@dataclass(frozen=True, slots=True)
class SinglePass:
    """Rows of text files that are read by provisional plans, while their lines are scanned.

    Attributes
    ----------
    frame : a lazy DataFrame of validated rows; a Spark job that computes all of them also scans all lines
    """

    frame: DataFrame
    _files: Sequence[InputFile]
    _rules: ColumnRules
    _options: TextOptions
    _plans: dict[int, FilePlan]
    _collector: ScanCollector

    def verify(self) -> TextRows:
        """Make the final plans from the scans of all lines, and return the final TextRows. Runs no Spark job.

        Call this method once, after a Spark job has computed all rows of ``frame``. If the final plans read the same
        rows as the provisional plans, ``TextRows.frame`` is ``frame``. Otherwise, it is a lazy DataFrame that reads the
        files again, and a line of the log says why. Raises InputError as ``read_text_files`` does.
        """
        # a task that Spark runs again adds equal scans of the same blocks
        scans = text_scan.file_scans(dict(self._collector.blocks.value), self._options.encoding)
        # PySpark holds each accumulator until the driver ends
        self._collector.blocks.value = []
        final = text_files.read_scanned_files(self.frame.sparkSession, self._files, scans, self._rules, self._options)
        differences: dict[str, list[InputFile]] = {}
        for file in self._files:
            rules = final.plans[file.id].row_rules() if file.id in final.plans else {}
            for name, provisional in self._plans[file.id].row_rules().items():
                if rules.get(name) != provisional:
                    differences.setdefault(name, []).append(file)
        # guard: single-pass-verified -> if True:
        if not differences:
            return replace(final, frame=self.frame)
        reasons = "; ".join(f"{name} of {join_names(files)}" for name, files in differences.items())
        log.info("all files are read again, because parts of them suggested something else: %s", reasons)
        return final


def read_in_single_pass(
    spark: SparkSession, files: Sequence[InputFile], rules: ColumnRules, options: TextOptions
) -> SinglePass | None:
    """Return the rows of files as a SinglePass, or None if the files must be scanned before they are read.

    A single pass is for a large input of few large uncompressed text files. Pieces of them must show nothing that needs
    a conversion, an error message, or one task for the whole file. Runs no Spark job: the driver reads the pieces.
    Logs nothing.
    """
    if not _are_suitable(files) or options.multiline is True:
        return None
    try:
        plans = _provisional_plans(spark, files, rules, options)
    except (InputError, Py4JError):
        # reported by the first pass, with numbers of all lines
        return None
    if plans is None or any(plan.by_line for plan in plans.values()):
        return None
    collector = ScanCollector(options.encoding, list_accumulator(spark))
    frame = text_reader.read_text(text_scan.text_lines(spark, files), plans, set(), rules.non_null_columns, collector)
    return SinglePass(frame, files, rules, options, plans, collector)


def _provisional_plans(
    spark: SparkSession, files: Sequence[InputFile], rules: ColumnRules, options: TextOptions
) -> dict[int, FilePlan] | None:
    """Make a FilePlan for each file from pieces of it; return a dict by file id, or None if a file may need conversion.

    Raises InputError if the pieces show a fault, and Py4JError if a file cannot be read.
    """
    known = known_headers(rules.sources)
    scans = _scan_pieces(spark, files, options.encoding)
    for file in files:
        scan = scans.get(file.id)
        # only with more lines than the head, the result of needs_conversion is that for the whole file
        if scan is None or len(scan.head) < HEAD_LINES or scan.n_lines == HEAD_LINES:
            return None
        if conversion.needs_conversion(file, scan, known):
            return None
    text_files.refuse_invalid(files, scans, options)
    plans, _ = text_files.plan_files(files, scans, rules, options, {}, silent=True)
    # whether lines are invalid is not known yet
    return {file_id: replace(plan, has_invalid=True) for file_id, plan in plans.items()}


def _are_suitable(files: Sequence[InputFile]) -> bool:
    """Return whether files are few, large and uncompressed, all CSV or all JSON lines, and make a large input."""
    return (
        is_large(files)
        and len(files) <= _MAX_FILES
        and files[0].format in ("csv", "json")
        # together, files of two formats would be split into other blocks than in a first pass over each format
        and all(file.format == files[0].format and not is_compressed(file.uri) for file in files)
        and all(file.size >= _MIN_FILE_BYTES for file in files)
    )


def _scan_pieces(spark: SparkSession, files: Sequence[InputFile], encoding: str) -> dict[int, FileScan]:
    """Scan the complete lines in a few pieces of each file; return a dict from file id to FileScan.

    Takes some 30 ms of processor time a file.
    """
    starts = {file.id: [file.size * number // _N_PIECES for number in range(_N_PIECES)] for file in files}
    with ThreadPoolExecutor(_N_THREADS) as threads:
        contents = [*threads.map(lambda file: read_parts(spark, file.uri, starts[file.id], _PIECE_BYTES), files)]
    scans = BlockScans(encoding)
    for file, pieces in zip(files, contents, strict=True):
        for start, piece in zip(starts[file.id], pieces, strict=True):
            lines = piece.removeprefix(codecs.BOM_UTF8).split(b"\n")[bool(start) : -1]
            if lines:
                # any hash is good for a sample
                hashes = pa.array([zlib.crc32(line) for line in lines], pa.int64())
                scans.add((file.id, start), pa.array(lines, pa.binary()), hashes, json=file.format == "json")
    return text_scan.file_scans(scans.blocks, encoding)
