"""Read text files (CSV and JSON lines) into validated rows."""

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue.ingest.columns.column_matching import ColumnLayout
from segue.ingest.columns.units import SampleValues
from segue.ingest.formats import records
from segue.ingest.formats.records import Dialect
from segue.ingest.formats.text_scan import SAMPLE_LINES, FileScan, consecutive_groups
from segue.ingest.validation import VALIDATED_ROWS, RowCollector

BATCH_ROWS = 4096
_UNDECODED = re.compile("[\udc80-\udcff]")
"""A byte that is not valid in the file's encoding, as the handler ``surrogateescape`` returns it."""
_ParsedRecord = list[str] | dict[str, str | None] | str
"""The fields of a CSV record, the members of a JSON object, or the reason that a record is neither."""


@dataclass(frozen=True, slots=True)
class FilePlan:
    """How workers read one text file.

    Attributes
    ----------
    source_file : the file's name in ``tracks`` and ``rejected_tracks``
    layout : its column layout
    names : its column names; for JSON lines the member names
    dialect : its CSV dialect, or None for JSON lines
    n_skipped : number of lines before the first row
    encoding : its encoding
    has_invalid : whether some line is not valid in the file's encoding
    by_line : whether a record that spans lines is rejected line by line; ignored if one task reads the file
    """

    source_file: str
    layout: ColumnLayout
    names: tuple[str, ...]
    dialect: Dialect | None
    n_skipped: int
    encoding: str
    has_invalid: bool
    by_line: bool = False


def read_text(
    lines: DataFrame, plans: dict[int, FilePlan], single_task: set[int], non_null_columns: Sequence[str]
) -> DataFrame:
    """Return a lazy DataFrame of validated rows, schema ``VALIDATED_ROWS``, parsed from lines. Runs no Spark job.

    Parameters
    ----------
    lines : DataFrame
        The lines as ``text_scan.text_lines`` returns them.
    plans : dict of int to FilePlan
        How to read every file, by file id.
    single_task : set of int
        Ids of files with records that span lines: one task reads all lines of such a file in order. All other files
        are read in the blocks that Spark splits them into.
    non_null_columns : sequence of str
        Features that every track must have.
    """
    blocks = lines.select("file_id", "block", "value")
    # a join, because a condition with a literal for each of 100,000 files would take minutes to plan
    single_ids = lines.sparkSession.createDataFrame(pa.table({"file_id": sorted(single_task)})) if single_task else None
    frames = []
    if single_task < plans.keys():
        in_blocks = blocks if single_ids is None else blocks.join(F.broadcast(single_ids), "file_id", "left_anti")
        frames.append(in_blocks.mapInArrow(_reader(plans, ("file_id", "block"), non_null_columns), VALIDATED_ROWS))
    if single_ids is not None:
        # the ids increase with the lines of a block: they restore the order within it, which a shuffle loses
        of_singles = blocks.join(F.broadcast(single_ids), "file_id", "left_semi")
        numbered = of_singles.withColumn("line", F.monotonically_increasing_id())
        ordered = numbered.repartition(len(single_task), "file_id").sortWithinPartitions("file_id", "block", "line")
        frames.append(ordered.mapInArrow(_reader(plans, ("file_id",), non_null_columns), VALIDATED_ROWS))
    return frames[0] if len(frames) == 1 else frames[0].union(frames[1])


def _reader(
    plans: dict[int, FilePlan], key_columns: Sequence[str], non_null_columns: Sequence[str]
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a function for ``mapInArrow`` that turns lines into validated rows.

    Consecutive lines with equal values of ``key_columns`` are read as one text, in which a record may span lines.
    """

    def keyed_lines(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[tuple[int, ...], bytes]]:
        for batch in batches:
            for key, rows in consecutive_groups(batch, key_columns):
                yield from zip(itertools.repeat(key), rows.column("value").to_pylist(), strict=False)

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = RowCollector(non_null_columns)
        for key, group in itertools.groupby(keyed_lines(batches), key=itemgetter(0)):
            plan, is_start = plans[key[0]], not any(key[1:])
            text = decode_lines((value for _, value in group), plan.encoding, is_start=is_start)
            by_line = plan.by_line and "block" in key_columns
            for record, raw in _parse_records(text, plan, is_start=is_start, by_line=by_line):
                raw_text, texts = _column_texts(record, raw, plan)
                rows.add(plan.source_file, raw_text, plan.layout, texts)
                yield from rows.batches(BATCH_ROWS)
        yield from rows.batches()

    return read


def decode_lines(lines: Iterable[bytes], encoding: str, *, is_start: bool) -> Iterator[str]:
    """Yield the decoded lines of a file, each with its line end, split at lone carriage returns too.

    Parameters
    ----------
    lines : iterable of bytes
        Lines without the line feeds at which Spark splits files.
    encoding : str
        Encoding of the file. Bytes that are not valid in it become lone surrogates (handler ``surrogateescape``).
    is_start : bool
        Whether the first line is the first of its file: a byte order mark is then removed from it.
    """
    for line in lines:
        text = line.decode(encoding, "surrogateescape") + "\n"
        yield from records.split_lines(text.removeprefix(records.BOM) if is_start else text)
        is_start = False


def sample_rows(
    scans: Iterable[FileScan], names: tuple[str, ...], dialect: Dialect | None, skipped: Collection[str]
) -> SampleValues:
    """Return the sampled rows of files as lists of texts, in the order of the column names.

    Header lines and lines that are no complete row are left out.

    Parameters
    ----------
    scans : iterable of FileScan
        Scans of files with these column names.
    names : tuple of str
        The column names; for JSON lines the member names.
    dialect : Dialect or None
        The CSV dialect, or None for JSON lines.
    skipped : collection of str
        The files' lines up to their headers.
    """
    sample: list[tuple[int, bytes, str]] = []
    for scan in scans:
        sample = sorted({*sample, *((*line, scan.encoding) for line in scan.sample)})[:SAMPLE_LINES]
    lines = [text for _, line, encoding in sample for text in decode_lines([line], encoding, is_start=True)]
    if dialect is None:
        objects = [members for line in lines if (members := records.json_object(line))]
        return [[members.get(name) for name in names] for members in objects]
    rows = [fields for line in lines if line not in skipped for fields, _ in records.csv_records([line], dialect)]
    return [
        row
        for row in rows
        if not isinstance(row, str)
        and not records.field_count_error(row, len(names))
        and tuple(name.strip() for name in row[: len(names)]) != names
    ]


def _parse_records(
    text: Iterable[str], plan: FilePlan, *, is_start: bool, by_line: bool
) -> Iterator[tuple[_ParsedRecord, str]]:
    """Yield (record, raw text); a record is a list of CSV fields, a dict of JSON members, or why it is neither.

    ``is_start``: the text begins its file, so that the first ``n_skipped`` lines of a CSV are left out.
    ``by_line``: no CSV record spans lines.
    """
    if plan.dialect is None:
        stripped = (line.strip() for line in text)
        return ((_parse_json(line), line) for line in stripped if line)
    parse = records.csv_records_by_line if by_line else records.csv_records
    return parse(itertools.islice(text, plan.n_skipped if is_start else 0, None), plan.dialect)


def _parse_json(line: str) -> _ParsedRecord:
    members = records.json_object(line)
    return "not a JSON object" if members is None else members


def _column_texts(record: _ParsedRecord, raw: str, plan: FilePlan) -> tuple[str, dict[str, str | None] | str]:
    """Return a record's raw text, and a dict from canonical column to the record's text.

    A reason to reject the record takes the place of the dict if the record cannot be read.
    """
    if plan.has_invalid and not raw.isascii() and not _is_encodable(raw):
        escaped = _UNDECODED.sub(lambda byte: f"\\x{ord(byte[0]) & 0xFF:02x}", raw)
        return escaped, f"bytes that are not {plan.encoding}"
    if isinstance(record, str):
        return raw, record
    if isinstance(record, dict):
        members = {name: record.get(column.header) for name, column in plan.layout.columns.items()}
        valid = all(text is None or _is_encodable(text) for text in members.values())
        return raw, members if valid else "half a Unicode character"
    # guard: field-count-checked -> problem = None
    problem = records.field_count_error(record, len(plan.names))
    return raw, problem or {name: record[column.index] for name, column in plan.layout.columns.items()}


def _is_encodable(text: str) -> bool:
    """Return whether a text has no lone surrogate; undecodable bytes and half a surrogate pair in JSON become one."""
    try:
        text.encode("utf-8")
        return True
    except UnicodeEncodeError:
        return False
