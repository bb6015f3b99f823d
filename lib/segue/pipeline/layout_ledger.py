"""Read and write the table ``layout_decisions``: decisions on how columns are read, for later files.

A decision is made from the values of a file, for example ``valence.unit``: "percent". It applies to later files of the
same layout: the same file format, header and setting ``ingest.source``. Decisions are stored after the rows of their
file: if the rows cannot be stored, no decision is stored either.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from segue import schema
from segue.core.text import printable
from segue.ingest.columns.column_rules import Reading
from segue.ingest.columns.layout_memory import LayoutMemory, Remembered, combine_decisions
from segue.storage.store import Store

REMEMBER = "remember"
"""Value of the setting ``ingest.layouts``: apply the stored decisions."""
_MAX_HEADER_LENGTH = 1000


def read_decisions(store: Store) -> list[dict[str, Any]]:
    """Collect all rows of the table ``layout_decisions`` as dicts. Runs one Spark job.

    There are about twenty rows per layout (file format and header). The list is empty if the table does not exist.
    """
    stored = store.find(schema.LAYOUT_DECISIONS)
    if stored is None:
        return []
    rows: list[dict[str, Any]] = stored.select(*schema.LAYOUT_DECISIONS.names).toArrow().to_pylist()
    return rows


def memories(decisions: Sequence[Mapping[str, Any]]) -> Mapping[str, LayoutMemory]:
    """Convert rows of ``layout_decisions`` to nested dicts: {layout: {"valence.unit": Remembered("percent", "a.csv")}}.

    ``layout`` is a hash, the column ``layout``. Remembered holds the value of a decision and the name of its file.
    """
    by_layout: dict[str, dict[str, Remembered]] = {}
    for row in decisions:
        remembered = Remembered(row["value"], row["source_file"])
        by_layout.setdefault(row["layout"], {})[row["decision"]] = remembered
    return by_layout


def record_decisions(
    store: Store, readings: Sequence[Reading], stored: Sequence[Mapping[str, Any]], *, remember: bool
) -> None:
    """Store the decisions made from the files of a run in ``layout_decisions``. Equal rows are not written again.

    Parameters
    ----------
    store : the tables of the output folder
    readings : how the files were read, one Reading for all files that are read in the same way
    stored : all rows of ``layout_decisions``
    remember : true: add new decisions and keep stored ones; false: replace all decisions of the layouts (file formats
        with headers) of this run
    """
    by_layout: dict[str, list[Reading]] = {}
    for reading in readings:
        by_layout.setdefault(reading.layout.key, []).append(reading)
    earlier = {(row["layout"], row["decision"]): row for row in stored}
    rows = [row for row in _rows(by_layout) if (row["layout"], row["decision"]) not in earlier or not remember]
    if remember:
        if rows:
            store.sync_local(schema.LAYOUT_DECISIONS, rows)
        return
    others = [row for row in stored if row["layout"] not in by_layout]
    same = [earlier.get((row["layout"], row["decision"])) for row in rows]
    replaced = [old if old and old["value"] == row["value"] else row for old, row in zip(same, rows, strict=True)]
    if rows or stored:
        store.sync_local(schema.LAYOUT_DECISIONS, [*others, *replaced], remove_missing=True)


def _rows(by_layout: Mapping[str, Sequence[Reading]]) -> list[dict[str, Any]]:
    """Return rows of ``layout_decisions`` as dicts, one for each layout and decision.

    ``by_layout`` maps the hash of a layout to its Readings, which have the decisions made from its files. A decision is
    left out if the files of a layout give different values for it.
    """
    now = datetime.now(UTC)
    return [
        {
            "layout": layout,
            "decision": decision,
            "value": value,
            "header": printable(", ".join(readings[0].layout.header))[:_MAX_HEADER_LENGTH],
            "source_file": next(r.files[0].source_file for r in readings if decision in r.layout.decided),
            "decided_at": now,
        }
        for layout, readings in by_layout.items()
        for decision, value in combine_decisions([reading.layout.decided for reading in readings]).items()
    ]
