"""Read the requested columns and rows of Delta tables without Spark, by SQL.

The SQL engine is DataFusion, a part of the package deltalake. It starts in about 10 ms. Do not use functions of pyarrow
that import pandas here: the import would take longer than the rest of a look-up.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

from segue.core.file_systems import deltalake_uri
from segue.errors import OutputError
from segue.schema import MAINTENANCE, Table

_S3_VARIABLES = (
    ", and the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, with AWS_ENDPOINT_URL and AWS_REGION for a store "
    "that is not Amazon's"
)


def read_text(root: str, name: str) -> str | None:
    """Return the text of a UTF-8 file, or None if it does not exist.

    Parameters
    ----------
    root : path or URI of a folder; files at a URI are read by deltalake, with the same credentials as tables
    name : name of the file in the folder

    Raises
    ------
    OutputError
        If the file cannot be read.
    """
    uri = deltalake_uri(root.rstrip("/") or "/")
    try:
        if "://" not in uri:
            return Path(uri, name).read_text("utf-8")
        with fs.PyFileSystem(DeltaStorageHandler(uri)).open_input_file(name) as stream:
            text: str = stream.read().decode("utf-8")
            return text
    except FileNotFoundError:
        return None
    except (DeltaError, OSError, ValueError) as error:
        raise OutputError(f"cannot read {name} in {root} ({_first_line(error)})") from error


class Tables:
    """Reads the Delta tables of one output folder.

    The first access to a table opens its latest version. Later accesses use the same version. All methods raise
    OutputError if the table is missing or cannot be read; ``read`` and ``rows`` also if it lacks a requested column.

    Parameters
    ----------
    root : path or URI of the output folder
    """

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") or "/"
        self._open: dict[str, DeltaTable] = {}

    def version(self, table: Table) -> int:
        """Return the version of the open table, a number from 0."""
        return int(self._table(table).version())

    def is_current(self, table: Table, version: int) -> bool:
        """Return whether the table has the same rows as in its version ``version``.

        Returns True if maintenance, such as OPTIMIZE and VACUUM, made all later versions. Returns False also if the
        log no longer has all later commits.
        """
        n_later = self.version(table) - version
        try:
            commits = self._table(table).history(n_later) if n_later > 0 else []
        except (DeltaError, OSError, ValueError) as error:
            raise OutputError(f"cannot read the log of {table.name} in {self.root} ({_first_line(error)})") from error
        return n_later == len(commits) and all(commit.get("operation") in MAINTENANCE for commit in commits)

    def stored(self, table: Table, columns: Sequence[str]) -> list[str]:
        """Return those of ``columns`` that exist in the table. A table of an older segue may lack optional columns."""
        available = {field.name for field in self._table(table).schema().fields}
        return [name for name in columns if name in available]

    def read(self, table: Table, columns: Sequence[str], order: str | None = None) -> pa.Table:
        """Read columns of a table. The rows are sorted by the column ``order``, unless it is None."""
        return self._query(table, columns, "" if order is None else f"ORDER BY {_name(order)}")

    def rows(self, table: Table, ids: Sequence[str], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Read the rows of some tracks: ``{"4uLU6…": {"track_id": "4uLU6…", "title": …}}``.

        Row groups are skipped if their statistics exclude the ids, so this is cheaper than ``read``.

        Parameters
        ----------
        table : a table with the column ``track_id``
        ids : track ids; ids missing in the table are left out
        columns : names of the columns to return, besides ``track_id``
        """
        if not ids:
            return {}
        literals = ", ".join(map(_text, ids))
        rows = self._query(table, ["track_id", *columns], f"WHERE {_name('track_id')} IN ({literals})")
        return {row["track_id"]: row for row in rows.to_pylist()}

    def _query(self, table: Table, columns: Sequence[str], clause: str) -> pa.Table:
        """Select columns of a table by SQL. ``clause`` is a WHERE or ORDER BY clause, or "" for none."""
        opened = self._table(table)
        available = self.stored(table, columns)
        if missing := [name for name in columns if name not in available]:
            problem = f"{table.name} in {self.root} has no column {', '.join(missing)}"
            raise OutputError(f"{problem}; run_pipeline.py with this --output upgrades the table")
        query = f"SELECT {', '.join(map(_name, columns))} FROM {_name(table.name)} {clause}"
        try:
            stream = QueryBuilder().register(table.name, opened).execute(query)
            return pa.RecordBatchReader.from_stream(stream).read_all()
        except (DeltaError, OSError, ValueError) as error:
            raise OutputError(f"cannot read {table.name} in {self.root} ({_first_line(error)})") from error

    def _table(self, table: Table) -> DeltaTable:
        """Open the latest version of a table. Returns the open table if there is one."""
        if table.name not in self._open:
            path = deltalake_uri(f"{self.root}/{table.name}")
            try:
                self._open[table.name] = DeltaTable(path)
            except (DeltaError, OSError, ValueError) as error:
                credentials = _S3_VARIABLES if path.startswith("s3://") else ""
                raise OutputError(
                    f"{self.root} has no table {table.name} that can be read ({_first_line(error)}); "
                    f"expected the --output of a run that wrote it{credentials}"
                ) from error
        return self._open[table.name]


def _name(name: str) -> str:
    """Quote the name of a column or table for SQL: ``title -> "title"``."""
    # guard: lookup-columns-quoted -> return '"' + name + '"'
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    """Quote a text as an SQL literal: ``it's -> 'it''s'``."""
    # guard: lookup-ids-quoted -> return "'" + text + "'"
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
