"""The one place tables are read and written. Every write is one commit, and what would change nothing makes none."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue import schema
from segue.core.spark_helpers import persisted
from segue.errors import OutputError
from segue.storage import commit_log, delta_tables, files, migrations, row_changes, transactions
from segue.storage.migrations import check_columns, spark_schema
from segue.storage.row_changes import CHANGE, REMOVED, ChangeCounts, changed_local_rows, changed_rows, count_changes
from segue.storage.transactions import conflict_error, delta_conflicts, exclusive_commit

_TABLE_NAMES = {table.name for table in schema.TABLES}
_FEED_SECONDS = 6 * 24 * 3600
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
        names = [name for name in files.list_names(self.root) or [] if not name.startswith(".")]
        ours = [
            name for name in names if name in _TABLE_NAMES and files.list_names(f"{self.root}/{name}/{commit_log.LOG}")
        ]
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
        return commit_log.latest_version(self._folder(table)) is not None

    def version(self, table: schema.Table) -> int:
        """Return the version that a reader sees now."""
        version = commit_log.latest_version(self._folder(table))
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
        """Return the rows changed since a version, with ``_change``; None where Delta no longer keeps the changes."""
        until = self.seen[table.name]
        made = commit_log.committed_at(self._folder(table), since + 1) if since < until else None
        if since > until or (since < until and (made is None or _age(made) > _FEED_SECONDS)):
            return None
        if since == until:
            return self.read(table).limit(0).withColumn(CHANGE, F.lit(REMOVED))
        return row_changes.read_changes(self._spark, self.path(table), table, since, until)

    def made_from(self, table: schema.Table) -> dict[str, Any]:
        """Return what the table says that it was made from: what its last writer gave as ``made_from``."""
        return commit_log.read_provenance(self._folder(table), self.seen[table.name])

    def identity(self, table: schema.Table) -> str:
        """Return what tells this table from another that once had its place, or was written whole instead of it."""
        found: str = self._spark.sql(f"DESCRIBE DETAIL {self.identifier(table)}").select("id").collect()[0].id
        return found

    def rows(self, table: schema.Table, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
        """Return a few rows that were made on the driver as a frame, to be written to a table."""
        return delta_tables.local_frame(self._spark, spark_schema(table), rows)

    def find(self, table: schema.Table) -> DataFrame | None:
        """Return a table as it is now, or None where it is not."""
        return self.read(table) if self.exists(table) else None

    def append(self, table: schema.Table, rows: DataFrame) -> None:
        """Add rows to a table, which is made where it is not; whoever else does the same is not in the way."""
        with transactions.output_lock(self.root), delta_conflicts(table.name):
            if self.exists(table) or not self._create(table, rows):
                delta_tables.append(self.path(table), table, rows)
        self.seen.pop(table.name, None)

    def add(self, table: schema.Table, rows: DataFrame, *, made_from: Mapping[str, Any] | None = None) -> ChangeCounts:
        """Add rows whose keys the table is known not to have, in one commit."""
        check_columns(table, rows)
        with self._writing(table, made_from):
            delta_tables.append(self.path(table), table, rows)
        return ChangeCounts(added=self._written(table, self.seen[table.name]))

    def sync(
        self,
        table: schema.Table,
        rows: DataFrame,
        *,
        whole: bool = False,
        without: DataFrame | None = None,
        made_from: Mapping[str, Any] | None = None,
    ) -> ChangeCounts:
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
                    raise conflict_error(table.name)
            return ChangeCounts(added=self._written(table, 0))
        # they are looked at several times, and what made them may be a plan too large to be part of another
        with (
            persisted(rows) as rows,
            persisted(changed_rows(table, rows, stored, whole=whole, without=without)) as changes,
        ):
            change = count_changes(changes)
            # guard: unchanged-rows-not-committed -> if True:
            if change.rows:
                with self._writing(table, made_from):
                    if whole and 2 * change.rows > stored.count():
                        delta_tables.rewrite(self.path(table), table, rows)
                    else:
                        delta_tables.merge(self._spark, self.path(table), table, changes)
            return change

    def sync_few(self, table: schema.Table, rows: Sequence[Mapping[str, Any]], *, whole: bool = False) -> ChangeCounts:
        """As ``sync``, for a few rows that were made on the driver: they are compared there, in a moment."""
        stored = self.find(table)
        if stored is None:
            return self.sync(table, self.rows(table, rows))
        made = delta_tables.to_arrow(spark_schema(table), rows).to_pylist()
        changes, change = changed_local_rows(table, made, stored.toArrow().to_pylist(), whole=whole)
        if change.rows:
            with self._writing(table):
                few = delta_tables.local_frame(self._spark, spark_schema(table).add(CHANGE, "string"), changes)
                delta_tables.merge(self._spark, self.path(table), table, few)
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
                delta_tables.rewrite(self.path(table), table, rows)
            elif not self._create(table, rows):
                raise conflict_error(table.name)

    @contextmanager
    def _writing(self, table: schema.Table, made_from: Mapping[str, Any] | None = None) -> Iterator[None]:
        """Make one commit, the next after the version that was seen; a lock keeps off others on this machine."""
        with transactions.output_lock(self.root):
            folder = self._folder(table)
            with exclusive_commit(self._spark, folder, table.name, self.seen.get(table.name, -1), made_from):
                yield
            self.seen[table.name] = self._readable[table.name] = self.version(table)

    def _written(self, table: schema.Table, version: int) -> int:
        """Return how many rows a commit wrote: it says so itself, which spares computing or reading them again."""
        rows = commit_log.rows_written(self._folder(table), version)
        if rows is not None:
            return rows
        return self._spark.read.format("delta").option("versionAsOf", version).load(self.path(table)).count()

    def _require_unchanged(self, table: schema.Table) -> int:
        """Return the version, or raise ConflictError where it is not the one seen before."""
        version = self.version(table)
        # guard: table-version-unchanged
        if version != self.seen.get(table.name, version):
            raise conflict_error(table.name)
        return version

    def _make_readable(self, table: schema.Table) -> None:
        """Upgrade what an earlier segue wrote, and refuse what a newer one did."""
        version = self.version(table)
        if self._readable.get(table.name) == version:
            return
        written = migrations.schema_version_of(self._properties(table))
        # guard: newer-table-refused
        if written > schema.SCHEMA_VERSION:
            raise OutputError(
                f"{self.root}/{table.name} was written by a newer segue (schema {written}, this one reads up to "
                f"{schema.SCHEMA_VERSION}); install that segue, or choose another --output"
            )
        if written < schema.SCHEMA_VERSION:
            with transactions.output_lock(self.root), delta_conflicts(table.name):
                # as they are now: another run may have upgraded it meanwhile
                migrations.upgrade_table(self._spark, table, self.identifier(table), self._properties(table))
            version = self.version(table)
        self._readable[table.name] = version

    def _create(self, table: schema.Table, rows: DataFrame) -> bool:
        folder = self._folder(table)
        made = delta_tables.create(
            self.path(table), table, rows, is_there=lambda: commit_log.latest_version(folder) is not None
        )
        if made:
            self._readable[table.name] = 0
        return made

    def _properties(self, table: schema.Table) -> dict[str, str]:
        return {row.key: row.value for row in self._spark.sql(f"SHOW TBLPROPERTIES {self.identifier(table)}").collect()}

    def identifier(self, table: schema.Table) -> str:
        """Return the table's name in SQL."""
        return delta_tables.sql_identifier(self.path(table))


def _age(made: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(made)).total_seconds()
