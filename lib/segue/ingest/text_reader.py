"""Read text files (CSV and JSON lines) into validated rows."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue.ingest import records
from segue.ingest.column_matching import ColumnLayout
from segue.ingest.records import Dialect
from segue.ingest.text_scan import consecutive_groups
from segue.ingest.validation import VALIDATED_ROWS, RowCollector

BATCH_ROWS = 4096
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
    n_skipped : number of records before the first row
    has_invalid : whether some line is not valid in the file's encoding
    by_line : whether a record that spans lines is rejected line by line; ignored if one task reads the file
    """

    source_file: str
    layout: ColumnLayout
    names: tuple[str, ...]
    dialect: Dialect | None
    n_skipped: int
    has_invalid: bool
    by_line: bool = False


def read_text(
    lines: DataFrame, plans: dict[int, FilePlan], single_task: set[int], encoding: str, non_null_columns: Sequence[str]
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
    encoding : str
        Encoding of all files.
    non_null_columns : sequence of str
        Features that every track must have.
    """
    blocks = lines.select("file_id", "block", "value")
    # a join, because a condition with a literal for each of 100,000 files would take minutes to plan
    single_ids = lines.sparkSession.createDataFrame(pa.table({"file_id": sorted(single_task)})) if single_task else None
    frames = []
    if single_task < plans.keys():
        in_blocks = blocks if single_ids is None else blocks.join(F.broadcast(single_ids), "file_id", "left_anti")
        frames.append(
            in_blocks.mapInArrow(_reader(plans, ("file_id", "block"), encoding, non_null_columns), VALIDATED_ROWS)
        )
    if single_ids is not None:
        # the ids increase with the lines of a block: they restore the order within it, which a shuffle loses
        of_singles = blocks.join(F.broadcast(single_ids), "file_id", "left_semi")
        numbered = of_singles.withColumn("line", F.monotonically_increasing_id())
        ordered = numbered.repartition(len(single_task), "file_id").sortWithinPartitions("file_id", "block", "line")
        frames.append(ordered.mapInArrow(_reader(plans, ("file_id",), encoding, non_null_columns), VALIDATED_ROWS))
    return frames[0] if len(frames) == 1 else frames[0].union(frames[1])


def _reader(
    plans: dict[int, FilePlan], key_columns: Sequence[str], encoding: str, non_null_columns: Sequence[str]
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
            text = decode_lines((value for _, value in group), encoding, is_start=is_start)
            by_line = plan.by_line and "block" in key_columns
            for record, raw in _parse_records(text, plan, is_start=is_start, by_line=by_line):
                raw_text, texts = _column_texts(record, raw, plan, encoding)
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


def _parse_records(
    text: Iterable[str], plan: FilePlan, *, is_start: bool, by_line: bool
) -> Iterator[tuple[_ParsedRecord, str]]:
    """Yield (record, raw text); a record is a list of CSV fields, a dict of JSON members, or why it is neither.

    ``is_start``: the text begins its file, so that the first ``n_skipped`` records of a CSV are left out.
    ``by_line``: no CSV record spans lines.
    """
    if plan.dialect is None:
        stripped = (line.strip() for line in text)
        return ((_parse_json(line), line) for line in stripped if line)
    parse = records.csv_records_by_line if by_line else records.csv_records
    return itertools.islice(parse(text, plan.dialect), plan.n_skipped if is_start else 0, None)


def _parse_json(line: str) -> _ParsedRecord:
    members = records.json_object(line)
    return "not a JSON object" if members is None else members


def _column_texts(
    record: _ParsedRecord, raw: str, plan: FilePlan, encoding: str
) -> tuple[str, dict[str, str | None] | str]:
    """Return a record's raw text, and a dict from canonical column to the record's text.

    A reason to reject the record takes the place of the dict if the record cannot be read.
    """
    if plan.has_invalid and not raw.isascii() and not _is_encodable(raw):
        escaped = raw.encode(encoding, "surrogateescape").decode(encoding, "backslashreplace")
        return escaped, f"bytes that are not {encoding}"
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
