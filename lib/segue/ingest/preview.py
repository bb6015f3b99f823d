"""Describe how the files of an input are read, and count the tracks in them, for a dry run. Writes nothing."""

from collections.abc import Iterator, Sequence

from pyspark.sql import functions as F

from segue.core.spark_helpers import persisted
from segue.core.text import printable
from segue.ingest import merge, parsing
from segue.ingest.columns.column_matching import ColumnLayout, MatchedColumn
from segue.ingest.columns.column_rules import Reading, join_names
from segue.ingest.columns.layout_memory import COLUMN, DECIDE_AGAIN, DECIMAL_SIGN, ENCODING, GENRE_SEPARATOR, UNIT
from segue.ingest.columns.sources import COLUMNS
from segue.ingest.input_files import readable_errors
from segue.ingest.reader import InputRows

_N_EXAMPLES = 3
_MAX_LENGTH = 28
"""Maximum number of characters of an example."""
_MAX_REASONS = 10
_MAX_READINGS = 20
_TITLES = ("column", "read from", "unit", "missing", "examples")


def describe_input(rows: InputRows, name: str) -> str:
    """Describe how the files of an input are read, and count tracks, rejected rows and duplicates. Reads every row.

    Parameters
    ----------
    rows : InputRows
        The rows of the input, and how its files are read.
    name : str
        Name of the input in error messages.

    Returns
    -------
    str
        Several lines of text for people.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    texts = ["\n".join(_reading_lines(reading)) for reading in rows.readings[:_MAX_READINGS]]
    if len(rows.readings) > _MAX_READINGS:
        texts.append(f"and {len(rows.readings) - _MAX_READINGS} more layouts of files")
    with persisted(merge.with_status(rows.frame)) as statuses:
        with readable_errors(name):
            counts = {row[0]: row[1] for row in statuses.groupBy("status").count().collect()}
        each = statuses.where("status = 'invalid'").select(F.explode("reasons").alias("reason"))
        # reasons that differ only in the value that they quote are counted together
        frequent = each.groupBy(F.regexp_replace("reason", r"'.*'", "…").alias("reason")).count()
        reasons = frequent.orderBy(F.desc("count"), "reason").limit(_MAX_REASONS).collect()
    result = (
        f"{sum(counts.values())} rows: {counts.get('track', 0)} tracks, {counts.get('invalid', 0)} rejected, "
        f"{counts.get('duplicate', 0)} duplicates. Nothing was written."
    )
    texts.append("\n".join([result, *(f"  {row['count']} rejected: {printable(row.reason)}" for row in reasons)]))
    return "\n\n".join(texts)


def _reading_lines(reading: Reading) -> Iterator[str]:
    """Yield lines of text about files that are read in the same way: names, format, columns, ignored columns."""
    file, layout = reading.files[0], reading.layout
    encoding = f"{reading.encoding}{_mark(layout, ENCODING)}" if reading.encoding else None
    facts = [file.format, encoding, f"lines above the header: {reading.n_above}" if reading.n_above else None]
    facts.append(f"decimal comma{_mark(layout, DECIMAL_SIGN)}" if layout.decimal_comma else None)
    if layout.genre_separator:
        facts.append(f"genres separated by {layout.genre_separator!r}{_mark(layout, GENRE_SEPARATOR)}")
    yield f"{printable(join_names(reading.files))}: {', '.join(fact for fact in facts if fact)}; " + (
        f"{len(reading.sample)} rows sampled"
    )
    if origins := sorted({remembered.source_file for remembered in layout.remembered.values()}):
        marked = f"  * as decided from {printable(', '.join(origins[:_N_EXAMPLES]))}, which has the same header"
        yield f"{marked}; {DECIDE_AGAIN} decides again"
    table = [
        (name, *_read_as(name, layout), *_values(reading, column))
        for name in COLUMNS
        if (column := layout.columns.get(name))
    ]
    widths = [max(map(len, cells)) for cells in zip(_TITLES, *table, strict=True)]
    for cells in (_TITLES, *table):
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
    if layout.ignored:
        yield f"  ignored: {printable(', '.join(layout.ignored))}"


def _read_as(name: str, layout: ColumnLayout) -> tuple[str, str]:
    """Return the file's header and unit for ``name``, a column of ``tracks``: ("Energy", "percent*").

    A ``*`` marks what an earlier file with the same header decided.
    """
    column = layout.columns[name]
    header = printable(column.header) + _mark(layout, name + COLUMN)
    return header, (column.unit or "") + (_mark(layout, name + UNIT) if column.unit else "")


def _mark(layout: ColumnLayout, decision: str) -> str:
    return "*" if decision in layout.remembered else ""


def _values(reading: Reading, column: MatchedColumn) -> tuple[str, str]:
    """Return the share of sampled rows without a value in a column, such as "12 %", and examples of its values."""
    texts = [row[column.index] for row in reading.sample]
    present = [text for text in texts if text is not None and not parsing.is_missing(text)]
    share = f"{100 * (len(texts) - len(present)) / len(texts):.0f} %" if texts else ""
    return share, ", ".join(_shortened(dict.fromkeys(present)))


def _shortened(texts: dict[str, None]) -> Sequence[str]:
    examples = [printable(text.strip()) for text in list(texts)[:_N_EXAMPLES]]
    return [text if len(text) <= _MAX_LENGTH else text[:_MAX_LENGTH] + "…" for text in examples]
