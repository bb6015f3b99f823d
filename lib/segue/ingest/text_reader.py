"""Files become judged rows: what each says of a track, or why it says nothing, with its raw text."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from segue import schema
from segue.ingest import records, text_scan
from segue.ingest.column_matching import ColumnLayout
from segue.ingest.csv_dialect import Dialect
from segue.ingest.validation import RowValidator, text_digest

BATCH_ROWS = 4096
VALUES = ("track_id", *schema.TEXTS, "genres", "year", *(feature.name for feature in schema.NUMBERS))
_TYPES = {"genres": pa.list_(pa.string()), "year": pa.int32()} | {f.name: pa.float64() for f in schema.NUMBERS}
_ARROW = pa.schema(
    [("source_file", pa.string()), ("raw", pa.string()), ("row_hash", pa.string())]
    + [("reasons", pa.list_(pa.string()))]
    + [(name, _TYPES.get(name, pa.string())) for name in VALUES]
)
ROWS = from_arrow_schema(_ARROW)
"""What every reader returns: a row as it was read, why it is no track (no reason: it is one), and its values."""


@dataclass(frozen=True, slots=True)
class FilePlan:
    """How a worker reads one text file."""

    relative: str
    layout: ColumnLayout
    names: tuple[str, ...]
    dialect: Dialect | None
    """None for JSON lines."""
    skipped: int
    has_invalid: bool
    by_line: bool = False
    """Whether records over several lines, where it is not read whole, are cut at every line and rejected."""


class _Rows:
    """Collects judged rows, and hands them out as Arrow batches."""

    def __init__(self, required: Sequence[str]) -> None:
        self._required = required
        self._judges: dict[ColumnLayout, RowValidator] = {}
        self._rows: list[list[Any]] = []

    def add(self, source_file: str, raw: str, layout: ColumnLayout, texts: Mapping[str, str | None] | str) -> None:
        """Add one record: its texts by canonical column, or what is wrong with it."""
        if isinstance(texts, str):
            values, reasons = dict.fromkeys(VALUES), [texts]
        else:
            judge = self._judges.get(layout) or self._judges.setdefault(layout, RowValidator(layout, self._required))
            values, reasons = judge(texts)
        self._rows.append([source_file, raw, text_digest(raw), reasons, *(values[name] for name in VALUES)])

    def batches(self, least: int) -> Iterator[pa.RecordBatch]:
        """Yield one batch if at least ``least`` rows wait."""
        if len(self._rows) >= least:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(c, type=f.type) for c, f in zip(columns, _ARROW, strict=True)]
            self._rows = []
            yield pa.RecordBatch.from_arrays(arrays, schema=_ARROW)


def read_text(
    lines: DataFrame, plans: dict[int, FilePlan], whole: set[int], encoding: str, required: Sequence[str]
) -> DataFrame:
    """Return the rows of text files.

    Parameters
    ----------
    lines : what ``text_scan.text_lines`` returns
    plans : how to read every file, by its id
    whole : ids of the files with records over several lines. The lines of each are brought to one
        task, in order; all other files are read in as many blocks as Spark cuts them into.
    encoding : of all files
    required : features without which a row is no track
    """
    located = lines.select("file_id", "block", "value")
    is_whole = F.col("file_id").isin(*whole)
    in_blocks = located.where(~is_whole) if whole else located
    frames = []
    if whole < plans.keys():
        frames.append(in_blocks.mapInArrow(_reader(plans, ("file_id", "block"), encoding, required), ROWS))
    if whole:
        # within a block the counter rises with the lines; it orders them and names nothing
        numbered = located.where(is_whole).withColumn("line", F.monotonically_increasing_id())
        ordered = numbered.repartition(len(whole), "file_id").sortWithinPartitions("file_id", "block", "line")
        frames.append(ordered.mapInArrow(_reader(plans, ("file_id",), encoding, required), ROWS))
    return frames[0] if len(frames) == 1 else frames[0].union(frames[1])


def _reader(
    plans: dict[int, FilePlan], key: tuple[str, ...], encoding: str, required: Sequence[str]
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def located(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[tuple[int, ...], bytes]]:
        for batch in batches:
            for place, rows in text_scan.runs(batch, key):
                yield from zip(itertools.repeat(place), rows.column("value").to_pylist(), strict=False)

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = _Rows(required)
        for place, group in itertools.groupby(located(batches), key=itemgetter(0)):
            plan, first = plans[place[0]], not any(place[1:])
            text = decoded((value for _, value in group), encoding, first=first)
            by_line = plan.by_line and "block" in key
            for fields, raw in _records(text, plan, first=first, by_line=by_line):
                shown, texts = _checked(fields, raw, plan, encoding)
                rows.add(plan.relative, shown, plan.layout, texts)
                yield from rows.batches(BATCH_ROWS)
        yield from rows.batches(1)

    return read


def decoded(lines: Iterable[bytes], encoding: str, *, first: bool) -> Iterator[str]:
    """Yield lines of text, line ends included, without the BOM that may start a file. Bad bytes become surrogates."""
    for line in lines:
        text = line.decode(encoding, "surrogateescape") + "\n"
        yield from records.split_lines(text.removeprefix(records.BOM) if first else text)
        first = False


def _records(text: Iterable[str], plan: FilePlan, *, first: bool, by_line: bool) -> Iterator[tuple[Any, str]]:
    if plan.dialect is None:
        lines = (line.strip() for line in text)
        objects = ((records.json_object(line), line) for line in lines if line)
        return (("not a JSON object" if found is None else found, line) for found, line in objects)
    cut = records.csv_records_by_line if by_line else records.csv_records
    return itertools.islice(cut(text, plan.dialect), plan.skipped if first else 0, None)


def _checked(fields: Any, raw: str, plan: FilePlan, encoding: str) -> tuple[str, dict[str, str | None] | str]:
    """Return the raw text and the texts by column, or what is wrong with the record."""
    if plan.has_invalid and not raw.isascii() and not _is_text(raw):
        shown = raw.encode(encoding, "surrogateescape").decode(encoding, "backslashreplace")
        return shown, f"bytes that are not {encoding}"
    if isinstance(fields, str):
        return raw, fields
    if isinstance(fields, dict):
        texts = {column: fields.get(found.header) for column, found in plan.layout.columns.items()}
        return raw, texts if all(t is None or _is_text(t) for t in texts.values()) else "half a Unicode character"
    # guard: field-count-checked -> problem = None
    problem = records.field_count_error(fields, len(plan.names))
    return raw, problem or {column: fields[found.index] for column, found in plan.layout.columns.items()}


def _is_text(text: str) -> bool:
    """Tell whether a text has no lone surrogates, which stand for bytes that could not be decoded."""
    try:
        text.encode("utf-8")
        return True
    except UnicodeEncodeError:
        return False


def read_typed(frame: DataFrame, layouts: Mapping[str, ColumnLayout], required: Sequence[str]) -> DataFrame:
    """Return the rows of typed tables with the same columns (Parquet, Delta).

    Parameters
    ----------
    frame : columns ``source_file``, ``raw`` (the row as JSON) and ``c0``, ``c1``, … as text
    layouts : what the columns mean, for every file
    required : features without which a row is no track
    """
    picks = {
        file: {column: f"c{found.index}" for column, found in layout.columns.items()}
        for file, layout in layouts.items()
    }
    picked = sorted({pick for of_file in picks.values() for pick in of_file.values()})

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = _Rows(required)
        for batch in batches:
            for row in batch.to_pylist():
                file = row["source_file"]
                texts = {column: row[pick] for column, pick in picks[file].items()}
                rows.add(file, row["raw"], layouts[file], texts)
            yield from rows.batches(1)

    return frame.select("source_file", "raw", *picked).mapInArrow(read, ROWS)
