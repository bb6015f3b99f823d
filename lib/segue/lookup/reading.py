"""Delta tables read by queries, of which only what they ask for is read; no Spark here.

DataFusion, which comes with deltalake, starts in a hundredth of a second. What would import pandas is left alone: it
takes longer than all else that a look-up does, and many of Arrow's conversions import it.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError

from segue.errors import OutputError
from segue.schema import Table

_SAME = {"s3a://": "s3://", "s3n://": "s3://", "file:///": "/", "file:/": "/"}


class Tables:
    """The tables below one ROOT, each at the version that it had when it was first asked for."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") or "/"
        self._open: dict[str, DeltaTable] = {}

    def version(self, table: Table) -> int:
        """Return the version that is read."""
        return int(self._table(table).version())

    def read(self, table: Table, columns: Sequence[str], order: str | None = None) -> pa.Table:
        """Return some columns of all rows, in the order of one of them, or in any."""
        return self._query(table, columns, "" if order is None else f"ORDER BY {_name(order)}")

    def rows(self, table: Table, ids: Sequence[str], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return some columns of some tracks' rows, by ``track_id``; parts of files without one are passed over."""
        if not ids:
            return {}
        wanted = ", ".join(map(_text, ids))
        found = self._query(table, ["track_id", *columns], f"WHERE {_name('track_id')} IN ({wanted})")
        return {row["track_id"]: row for row in found.to_pylist()}

    def _query(self, table: Table, columns: Sequence[str], rest: str) -> pa.Table:
        opened = self._table(table)
        known = {field.name for field in opened.schema().fields}
        if absent := [name for name in columns if name not in known]:
            lacks = f"{table.name} in {self.root} has no {', '.join(absent)}"
            raise OutputError(f"{lacks}; run_pipeline.py with this --output upgrades it")
        query = f"SELECT {', '.join(map(_name, columns))} FROM {_name(table.name)} {rest}"
        try:
            found = QueryBuilder().register(table.name, opened).execute(query)
            return pa.RecordBatchReader.from_stream(found).read_all()
        except (DeltaError, OSError, ValueError) as error:
            raise OutputError(f"cannot read {table.name} in {self.root} ({_first_line(error)})") from error

    def _table(self, table: Table) -> DeltaTable:
        if table.name not in self._open:
            path = f"{self.root}/{table.name}"
            for scheme, same in _SAME.items():
                path = same + path.removeprefix(scheme) if path.startswith(scheme) else path
            try:
                self._open[table.name] = DeltaTable(path)
            except (DeltaError, OSError, ValueError) as error:
                raise OutputError(
                    f"{self.root} has no table {table.name} that can be read ({_first_line(error)}); "
                    f"wanted the --output of a run that wrote it"
                ) from error
        return self._open[table.name]


def _name(name: str) -> str:
    # guard: lookup-columns-quoted -> return '"' + name + '"'
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    # guard: lookup-ids-quoted -> return "'" + text + "'"
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
