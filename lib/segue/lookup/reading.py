"""Delta tables read column by column and, where one row is wanted, file by file; no Spark here."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import fs

from segue import files
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

    def read(self, table: Table, columns: Sequence[str]) -> pa.Table:
        """Return some columns of all rows."""
        found = self._dataset(table).to_table(columns=list(columns))
        return found.combine_chunks()

    def rows(self, table: Table, ids: Sequence[str], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return some columns of the rows of some tracks, by ``track_id``; only files that hold one are read whole."""
        wanted, found = pa.array(ids, pa.string()), []
        for fragment in self._dataset(table).get_fragments():
            held = fragment.to_table(columns=["track_id"]).column("track_id")
            place = pc.indices_nonzero(pc.is_in(held, value_set=wanted))
            if len(place):
                found += fragment.to_table(columns=["track_id", *columns]).take(place).to_pylist()
        return {row["track_id"]: row for row in found}

    def _dataset(self, table: Table) -> Any:
        """Return a table for Arrow's own file system to read: deltalake's one at times aborts a process that ends."""
        system, path = files.open_uri(f"{self.root}/{table.name}")
        return self._table(table).to_pyarrow_dataset(filesystem=fs.SubTreeFileSystem(path, system))

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


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
