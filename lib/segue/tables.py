"""The one place tables are read and written. Every write is one commit, and what would change nothing makes none."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue import commits, feed, files, schema, upgrade, writes
from segue.changes import CHANGE, REMOVED, Change, counted, needed, needed_of_few
from segue.columns import check_columns, declared
from segue.conflicts import conflict, next_commit, one_writer
from segue.errors import OutputError
from segue.kept import kept

_OURS = {table.name for table in schema.TABLES}
_FEED_LASTS = 6 * 24 * 3600
"""Seconds: changes that are older may have been vacuumed, so they are looked for in the tables themselves."""


class Store:
    """The tables and models below one ROOT."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self._spark = spark
        self.root = root.rstrip("/") or "/"
        self.seen: dict[str, int] = {}
        """The version of every table that this store has read or written, by the table's name."""
        self._readable: dict[str, int] = {}
        """The version of every table at which this segue is known to read it: looked at before, or made here."""

    def prepare(self) -> None:
        """Make sure that ROOT is ours to write to.

        Raises
        ------
        OutputError
            If it is a file, not writable, holds something else, or has a name that Spark would change.
        """
        # guard: output-with-variable-refused
        if "${" in self.root:
            raise OutputError(
                f"--output {self.root} holds ${{, where Spark and Hadoop put a setting; choose another name"
            )
        names = [name for name in files.names_in(self.root) or [] if not name.startswith(".")]
        ours = [name for name in names if name in _OURS and files.names_in(f"{self.root}/{name}/{commits.LOG}")]
        # guard: foreign-folder-refused
        if names and not ours:
            raise OutputError(
                f"--output {self.root} holds something else ({', '.join(names[:5])}), "
                "wanted a new folder, an empty one, or one that segue wrote"
            )
        files.make_folder(self.root)
        if self.exists(schema.RUNS):
            self._make_readable(schema.RUNS)

    def path(self, table: schema.Table) -> str:
        """Return where a table is."""
        return files.spark_uri(self._folder(table))

    def _folder(self, table: schema.Table) -> str:
        return f"{self.root}/{table.name}"

    def exists(self, table: schema.Table) -> bool:
        """Tell whether a table has been written."""
        return commits.latest(self._folder(table)) is not None

    def version(self, table: schema.Table) -> int:
        """Return the version that a reader sees now."""
        version = commits.latest(self._folder(table))
        if version is None:
            raise OutputError(f"{self.root} has no table {table.name}; {schema.MADE_BY[table.name]} writes it")
        return version

    def read(self, table: schema.Table) -> DataFrame:
        """Return a table as it is now; later writes do not change what the frame holds.

        Raises
        ------
        OutputError
            If it is not there, was written by a newer segue, or does not have the declared columns.
        ConflictError
            If another run has changed it since this store first read it.
        """
        self._make_readable(table)
        version = self._require_unchanged(table)
        self.seen[table.name] = version
        frame = self._spark.read.format("delta").option("versionAsOf", version).load(self.path(table))
        check_columns(table, frame)
        return frame

    def changes(self, table: schema.Table, since: int) -> DataFrame | None:
        """Return the rows that changed since a version, see ``feed.read_changes``; None where Delta cannot tell."""
        until = self.seen[table.name]
        made = commits.made_at(self._folder(table), since + 1) if since < until else None
        if since > until or (since < until and (made is None or _age(made) > _FEED_LASTS)):
            return None
        if since == until:
            return self.read(table).limit(0).withColumn(CHANGE, F.lit(REMOVED))
        return feed.read_changes(self._spark, self.path(table), table, since, until)

    def made_from(self, table: schema.Table) -> dict[str, Any]:
        """Return what the table says that it was made from: what its last writer gave as ``made_from``."""
        return commits.made_from(self._folder(table), self.seen[table.name])

    def identity(self, table: schema.Table) -> str:
        """Return what tells this table from another that once had its place, or was written whole instead of it."""
        found: str = self._spark.sql(f"DESCRIBE DETAIL {self.identifier(table)}").select("id").collect()[0].id
        return found

    def rows(self, table: schema.Table, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
        """Return a few rows that were made on the driver as a frame, to be written to a table."""
        return writes.few(self._spark, declared(table), rows)

    def find(self, table: schema.Table) -> DataFrame | None:
        """Return a table as it is now, or None where it is not."""
        return self.read(table) if self.exists(table) else None

    def append(self, table: schema.Table, rows: DataFrame) -> None:
        """Add rows to a table, which is made where it is not; whoever else does the same is not in the way."""
        with files.locked(self.root), one_writer(table.name):
            if self.exists(table) or not self._create(table, rows):
                writes.append(self.path(table), table, rows)
        self.seen.pop(table.name, None)

    def add(self, table: schema.Table, rows: DataFrame, *, made_from: Mapping[str, Any] | None = None) -> Change:
        """Add rows whose keys the table is known not to have, in one commit."""
        check_columns(table, rows)
        with self._writing(table, made_from):
            writes.append(self.path(table), table, rows)
        return Change(added=self._written(table, self.seen[table.name]))

    def sync(
        self,
        table: schema.Table,
        rows: DataFrame,
        *,
        whole: bool = False,
        without: DataFrame | None = None,
        made_from: Mapping[str, Any] | None = None,
    ) -> Change:
        """Bring a table's rows up to date by its key, in one commit, or in none where nothing differs.

        Parameters
        ----------
        table : which
        rows : one per key
        whole : whether ``rows`` is all that the table shall hold, so that other rows are removed
        without : keys of rows to be removed, none of which is in ``rows``
        made_from : what to tell the next writer, see ``made_from``
        """
        check_columns(table, rows)
        rows = rows.select(*table.names)
        stored = self.find(table)
        if stored is None:
            with self._writing(table, made_from):
                if not self._create(table, rows):
                    raise conflict(table.name)
            return Change(added=self._written(table, 0))
        # they are looked at several times, and what made them may be a plan too large to be part of another
        with kept(rows) as rows, kept(needed(table, rows, stored, whole=whole, without=without)) as changes:
            change = counted(changes)
            # guard: unchanged-rows-not-committed -> if True:
            if change.rows:
                with self._writing(table, made_from):
                    if whole and 2 * change.rows > stored.count():
                        writes.rewrite(self.path(table), table, rows)
                    else:
                        writes.merge(self._spark, self.path(table), table, changes)
            return change

    def sync_few(self, table: schema.Table, rows: Sequence[Mapping[str, Any]], *, whole: bool = False) -> Change:
        """As ``sync``, for a few rows that were made on the driver: they are compared there, in a moment."""
        stored = self.find(table)
        if stored is None:
            return self.sync(table, self.rows(table, rows))
        made = writes.as_arrow(declared(table), rows).to_pylist()
        changes, change = needed_of_few(table, made, stored.toArrow().to_pylist(), whole=whole)
        if change.rows:
            with self._writing(table):
                few = writes.few(self._spark, declared(table).add(CHANGE, "string"), changes)
                writes.merge(self._spark, self.path(table), table, few)
        return change

    def replace(self, table: schema.Table, rows: DataFrame) -> None:
        """Write a whole table in one commit, whatever it held before."""
        check_columns(table, rows)
        rows = rows.select(*table.names)
        is_there = self.exists(table)
        if is_there:
            self._make_readable(table)
            self.seen[table.name] = self._require_unchanged(table)
        with self._writing(table):
            if is_there:
                writes.rewrite(self.path(table), table, rows)
            elif not self._create(table, rows):
                raise conflict(table.name)

    @contextmanager
    def _writing(self, table: schema.Table, made_from: Mapping[str, Any] | None = None) -> Iterator[None]:
        """Make one commit, the next after the version that was seen; a lock keeps off others on this machine."""
        with files.locked(self.root):
            folder = self._folder(table)
            with next_commit(self._spark, folder, table.name, self.seen.get(table.name, -1), made_from):
                yield
            self.seen[table.name] = self._readable[table.name] = self.version(table)

    def _written(self, table: schema.Table, version: int) -> int:
        """Return how many rows a commit wrote: it says so itself, which spares computing or reading them again."""
        rows = commits.rows_written(self._folder(table), version)
        if rows is not None:
            return rows
        return self._spark.read.format("delta").option("versionAsOf", version).load(self.path(table)).count()

    def _require_unchanged(self, table: schema.Table) -> int:
        """Return the version, or raise ConflictError where it is not the one seen before."""
        version = self.version(table)
        # guard: table-version-unchanged
        if version != self.seen.get(table.name, version):
            raise conflict(table.name)
        return version

    def _make_readable(self, table: schema.Table) -> None:
        """Upgrade what an earlier segue wrote, and refuse what a newer one did."""
        version = self.version(table)
        if self._readable.get(table.name) == version:
            return
        written = upgrade.written_by(self._properties(table))
        # guard: newer-table-refused
        if written > schema.SCHEMA_VERSION:
            raise OutputError(
                f"{self.root}/{table.name} was written by a newer segue (schema {written}, this one reads up to "
                f"{schema.SCHEMA_VERSION}); install that segue, or choose another --output"
            )
        if written < schema.SCHEMA_VERSION:
            with files.locked(self.root), one_writer(table.name):
                # as they are now: another run may have upgraded it meanwhile
                upgrade.upgrade(self._spark, table, self.identifier(table), self._properties(table))
            version = self.version(table)
        self._readable[table.name] = version

    def _create(self, table: schema.Table, rows: DataFrame) -> bool:
        folder = self._folder(table)
        made = writes.create(self.path(table), table, rows, is_there=lambda: commits.latest(folder) is not None)
        if made:
            self._readable[table.name] = 0
        return made

    def _properties(self, table: schema.Table) -> dict[str, str]:
        return {row.key: row.value for row in self._spark.sql(f"SHOW TBLPROPERTIES {self.identifier(table)}").collect()}

    def identifier(self, table: schema.Table) -> str:
        """Return the table's name in SQL."""
        return writes.identifier(self.path(table))


def _age(made: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(made)).total_seconds()
