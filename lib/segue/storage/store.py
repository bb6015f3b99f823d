"""Read and write the Delta tables of one output folder. Each write is one commit."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from segue import schema
from segue.core.paths import hosts_without_folder, spark_uri, unseen_message
from segue.core.spark_helpers import persisted
from segue.errors import OutputError
from segue.storage import commit_log, delta_tables, files, row_changes, transactions
from segue.storage.delta_tables import check_columns, spark_schema
from segue.storage.files import Files
from segue.storage.row_changes import CHANGE, REMOVED, ChangeCounts, changed_local_rows, changed_rows, count_changes

_BY_NAME = {table.name: table for table in schema.TABLES}
_FEED_AGE = timedelta(days=6)  # maximum age of changes that ``changes`` reads; VACUUM may remove them after seven days
_MAX_NAMES = 100  # maximum number of names in ROOT that ``prepare`` lists to detect files of other programs
CACHED_MAX_BYTES = 16 << 20
"""Maximum size of a table that ``read`` persists. The log of so small a table takes longer to read than its rows."""


class Store:
    """Reads and writes the tables of one output folder, ROOT, in one Spark session.

    A Store records the version of each table at its last read or write. If another run has changed the table since
    then, the next read or write by this Store raises ConflictError, except for ``append``. A write raises SchemaError
    if the DataFrame to write has other columns than declared.

    Parameters
    ----------
    spark : a Spark session with Delta
    root : path or URI of the output folder

    Attributes
    ----------
    files : reads and writes single files below ROOT
    versions : dict from a table's name to its version at the last read or write; ``append`` removes the table's entry
    lock_timeout : maximum seconds to wait for another run that writes to ROOT
    """

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.spark = spark
        self.root = root.rstrip("/") or "/"
        self.files = Files(spark)
        self.versions: dict[str, int] = {}
        self.lock_timeout = transactions.LOCK_TIMEOUT_SECONDS
        self._checked_versions: dict[str, int] = {}  # the version of each table whose schema version was checked last
        self._cached: list[DataFrame] = []
        self._cache_scopes = 0
        self._session: SparkSession | None = None

    def prepare(self) -> None:
        """Create the output folder, or check that an existing folder can be used, and upgrade its table ``runs``.

        Raises OutputError if ROOT contains ``${``, is a file, is read-only, is on a disk that executors do not see, has
        files but no table of segue, or has a table ``runs`` of a newer segue.
        """
        # guard: output-with-variable-refused
        if "${" in self.root:
            raise OutputError(
                f"--output {self.root} contains ${{, which Spark and Hadoop replace by a setting; choose another name"
            )
        names = [name for name in self.files.list_names(self.root, _MAX_NAMES) or [] if not name.startswith(".")]
        # guard: foreign-folder-refused
        if names and not any(map(self.exists, schema.TABLES)):
            raise OutputError(
                f"--output {self.root} contains other files ({', '.join(names[:5])}), "
                "expected a new folder, an empty one, or an output of segue"
            )
        self.files.make_folder(self.root)
        # guard: unseen-output-refused
        if hosts := hosts_without_folder(self.spark, self.root):
            raise OutputError(unseen_message("--output", self.root, hosts))
        transactions.warn_of_lost_commits(self.spark, self.files, self.root)
        if self.exists(schema.RUNS):
            self._check_schema_version(schema.RUNS)

    @contextmanager
    def stage(self, description: str) -> Iterator[None]:
        """Context manager: show Spark jobs as ``segue: DESCRIPTION`` in Spark's UI, and open a ``cache_scope``."""
        context = self.spark.sparkContext
        previous = context.getLocalProperty("spark.job.description")
        context.setLocalProperty("spark.job.description", f"segue: {description}")
        try:
            with self.cache_scope():
                yield
        finally:
            with suppress(Exception):  # if the JVM has died, this fails too, and would hide the error of the block
                context.setLocalProperty("spark.job.description", previous)  # type: ignore[arg-type]  # None removes it

    @contextmanager
    def cache_scope(self) -> Iterator[None]:
        """Context manager: unpersist the DataFrames given to ``persist`` when the outermost of nested scopes ends."""
        self._cache_scopes += 1
        try:
            yield
        finally:
            self._cache_scopes -= 1
            while self._cached and not self._cache_scopes:
                with suppress(Exception):  # if the JVM has died, this fails too, and would hide the error of the block
                    self._cached.pop().unpersist()

    def persist(self, frame: DataFrame, level: StorageLevel = StorageLevel.MEMORY_AND_DISK) -> DataFrame:
        """Persist a DataFrame until the outermost ``stage`` or ``cache_scope`` ends; RuntimeError if none is open."""
        if not self._cache_scopes:
            raise RuntimeError("no stage or cache_scope is open, expected one, which unpersists the frame at its end")
        # persisting a frame twice would make Spark log a warning
        if frame.storageLevel == StorageLevel.NONE:
            self._cached.append(frame.persist(level))
        return frame

    def path(self, table: schema.Table) -> str:
        """Return the URI of a table's folder."""
        return spark_uri(self._folder(table))

    def sql_identifier(self, table: schema.Table) -> str:
        """Return the SQL name of a table: ``delta.`PATH```."""
        return delta_tables.sql_identifier(self.path(table))

    def exists(self, table: schema.Table) -> bool:
        """Return whether a table has been created: its Delta log has a commit."""
        return commit_log.latest_version(self.files, self._folder(table)) is not None

    def latest_version(self, table: schema.Table) -> int:
        """Return the number of a table's latest version. Raises OutputError if the table does not exist."""
        version = commit_log.latest_version(self.files, self._folder(table))
        if version is None:
            raise OutputError(f"{self.root} has no table {table.name}; {schema.MADE_BY[table.name]} writes it")
        return version

    def read(self, table: schema.Table | str, *, cache: bool = False) -> DataFrame:
        """Return a DataFrame of the latest version of a table. Later writes do not change its rows.

        Parameters
        ----------
        table : a table of ``segue.schema``, or its name; if an earlier segue wrote it, it is upgraded first, by commits
        cache : whether to ``persist`` a local table of at most 16 MB; only while a ``stage`` or ``cache_scope`` is open

        Raises
        ------
        OutputError
            If the table does not exist, was written by a newer segue, or has other columns than declared.
        ConflictError
            If another run has changed the table since this Store has read or written it.
        """
        table = _declared(table)
        self._check_schema_version(table)
        version = self._require_unchanged(table)
        self.versions[table.name] = version
        frame = self.spark.read.format("delta").option("versionAsOf", version).load(self.path(table))
        check_columns(table, frame)
        size = files.local_size(self._folder(table)) if cache and self._cache_scopes else None
        if size is not None and size <= CACHED_MAX_BYTES:
            self.persist(frame)
        return frame

    def find(self, table: schema.Table) -> DataFrame | None:
        """Return the result of ``read``, or None if the table does not exist."""
        return self.read(table) if self.exists(table) else None

    def changes(self, table: schema.Table, since: int) -> DataFrame | None:
        """Return the rows changed after version ``since``, up to the version last read or written, with ``_change``.

        This Store must have read the table, and the table must have a change data feed. Returns None if ``since`` is
        later than the version last read, or the commit after ``since`` is over six days old or not logged.
        """
        until, oldest = self.versions[table.name], datetime.now(UTC) - _FEED_AGE
        committed = commit_log.committed_at(self.files, self._folder(table), since + 1) if since < until else None
        if since > until or (since < until and (committed is None or datetime.fromisoformat(committed) < oldest)):
            return None
        if since == until:
            return self.read(table).limit(0).withColumn(CHANGE, F.lit(REMOVED))
        return row_changes.read_change_feed(self.spark, self.path(table), table, since, until)

    def provenance(self, table: schema.Table) -> dict[str, Any]:
        """Return what a table's rows were made from (``provenance`` of ``sync``), or {}. Call ``read`` before."""
        return commit_log.read_provenance(self.files, self._folder(table), self.versions[table.name])

    def table_id(self, table: schema.Table) -> str:
        """Return Delta's id of a table. Replacing the whole table changes the id. Runs one DESCRIBE DETAIL."""
        # the first commit in the log has the id too, but an outdated one after CREATE OR REPLACE
        return str(self.spark.sql(f"DESCRIBE DETAIL {self.sql_identifier(table)}").select("id").collect()[0].id)

    def local_frame(self, table: schema.Table, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
        """Convert rows, given as dicts by column name, to a DataFrame with the table's columns."""
        return delta_tables.local_frame(self.spark, spark_schema(table), rows)

    def append(self, table: schema.Table, rows: DataFrame) -> None:
        """Append rows to a table in one commit, or create the table. Concurrent appends do not conflict."""
        check_columns(table, rows)
        with transactions.output_lock(self.root, timeout=self.lock_timeout), transactions.delta_conflicts(table.name):
            if self.exists(table) or not self._create(table, rows):
                delta_tables.append(self.path(table), table, rows)
        self.versions.pop(table.name, None)

    def insert(
        self, table: schema.Table, rows: DataFrame, *, provenance: Mapping[str, Any] | None = None
    ) -> ChangeCounts:
        """Append rows with new keys to a table, in one commit. Cheaper than ``sync``: the keys are not checked.

        This Store must have read the table before. ``provenance`` is as for ``sync``.
        """
        check_columns(table, rows)
        with self._commit(table, rows, provenance) as committed:
            delta_tables.append(self.path(table), table, committed)
        return ChangeCounts(added=self._rows_written(table, self.versions[table.name]))

    def sync(
        self,
        table: schema.Table,
        rows: DataFrame,
        *,
        remove_missing: bool = False,
        removed_keys: DataFrame | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> ChangeCounts:
        """Insert new and update changed rows by key, in one commit, or create the table. Runs several Spark jobs.

        Parameters
        ----------
        rows : the new rows, one per key; if the stored rows are equal, no commit is made
        remove_missing : also remove the stored rows whose keys are not in ``rows``
        removed_keys : DataFrame with the keys of stored rows to remove, none in ``rows``; not with ``remove_missing``
        provenance : what the rows were made from, as JSON values, such as versions of tables; stored with the commit
        """
        check_columns(table, rows)
        rows = rows.select(*table.names)
        stored = self.find(table)
        if stored is None:
            with self._commit(table, rows, provenance) as committed:
                if not self._create(table, committed):
                    raise transactions.conflict_error(table.name)
            return ChangeCounts(added=self._rows_written(table, 0))
        # each is read several times; and without persisted rows, the plan of the changes would contain that of the rows
        with (
            persisted(rows) as rows,
            persisted(
                changed_rows(table, rows, stored, remove_missing=remove_missing, removed_keys=removed_keys)
            ) as changes,
        ):
            counts = count_changes(changes)
            # guard: unchanged-rows-not-committed -> if True:
            if counts.rows:
                is_rewrite = remove_missing and 2 * counts.rows > stored.count()  # then a MERGE would cost more
                with self._commit(table, rows if is_rewrite else changes, provenance) as committed:
                    write = delta_tables.rewrite if is_rewrite else delta_tables.merge
                    write(self.path(table), table, committed)
            return counts

    def sync_local(
        self, table: schema.Table, rows: Sequence[Mapping[str, Any]], *, remove_missing: bool = False
    ) -> ChangeCounts:
        """Insert or update rows, given as dicts by column name. Like ``sync``, but compares rows on the driver."""
        stored, frame = self.find(table), self.local_frame(table, rows)
        if stored is None:
            return self.sync(table, frame)
        if not remove_missing:
            stored = row_changes.matching_rows(stored, frame, len(rows), *table.key)
        typed = delta_tables.to_arrow(spark_schema(table), rows).to_pylist()
        changes, counts = changed_local_rows(table, typed, stored.toArrow().to_pylist(), remove_missing=remove_missing)
        if counts.rows:
            frame = delta_tables.local_frame(self.spark, spark_schema(table).add(CHANGE, "string"), changes)
            with self._commit(table, frame) as committed:
                delta_tables.merge(self.path(table), table, committed)
        return counts

    def replace(self, table: schema.Table, rows: DataFrame) -> None:
        """Replace all rows of a table in one commit, or create the table. Old and new rows are not compared."""
        check_columns(table, rows)
        rows = rows.select(*table.names)
        exists = self.exists(table)
        if exists:
            self._check_schema_version(table)
            self.versions[table.name] = self._require_unchanged(table)
        with self._commit(table, rows) as committed:
            if exists:
                delta_tables.rewrite(self.path(table), table, committed)
            elif not self._create(table, committed):
                raise transactions.conflict_error(table.name)

    def _folder(self, table: schema.Table) -> str:
        return f"{self.root}/{table.name}"

    @contextmanager
    def _commit(
        self, table: schema.Table, rows: DataFrame, provenance: Mapping[str, Any] | None = None
    ) -> Iterator[DataFrame]:
        """Context manager: yield ``rows`` to be written. Raises ConflictError if another run has changed the table."""
        with transactions.output_lock(self.root, timeout=self.lock_timeout):
            session = self._session = transactions.commit_session(self.spark, self._session)
            read = (self._folder(table), table.name, self.versions.get(table.name, -1))
            commit = transactions.exclusive_commit(session, self.files, *read, provenance)
            with transactions.in_session(session, rows) as committed, commit:
                yield committed
            self.versions[table.name] = self._checked_versions[table.name] = self.latest_version(table)

    def _rows_written(self, table: schema.Table, version: int) -> int:
        rows = commit_log.rows_written(self.files, self._folder(table), version)
        if rows is not None:
            return rows
        return self.spark.read.format("delta").option("versionAsOf", version).load(self.path(table)).count()

    def _require_unchanged(self, table: schema.Table) -> int:
        version = self.latest_version(table)
        # guard: table-version-unchanged
        if version != self.versions.get(table.name, version):
            raise transactions.conflict_error(table.name)
        return version

    def _check_schema_version(self, table: schema.Table) -> None:
        """Upgrade a table of an earlier schema version; raise OutputError for a table of a later version."""
        version = self.latest_version(table)
        if self._checked_versions.get(table.name) == version:
            return
        stored = delta_tables.schema_version_of(self._properties(table))
        # guard: newer-table-refused
        if stored > schema.SCHEMA_VERSION:
            raise OutputError(
                f"{self.root}/{table.name} was written by a newer segue (schema {stored}, this one reads up to "
                f"{schema.SCHEMA_VERSION}); install that version, or choose another --output"
            )
        if stored < schema.SCHEMA_VERSION:
            with (
                transactions.output_lock(self.root, timeout=self.lock_timeout),
                transactions.delta_conflicts(table.name),
            ):
                # read again under the lock: another run may have upgraded the table meanwhile
                properties = self._properties(table)
                if delta_tables.schema_version_of(properties) < schema.SCHEMA_VERSION:
                    delta_tables.upgrade_table(self.spark, table, self.sql_identifier(table), properties)
            version = self.latest_version(table)
        self._checked_versions[table.name] = version

    def _create(self, table: schema.Table, rows: DataFrame) -> bool:
        created = delta_tables.create(self.path(table), table, rows, exists=lambda: self.exists(table))
        if created:
            self._checked_versions[table.name] = 0
        return created

    def _properties(self, table: schema.Table) -> dict[str, str]:
        rows = self.spark.sql(f"SHOW TBLPROPERTIES {self.sql_identifier(table)}").collect()
        return {row.key: row.value for row in rows}


def _declared(table: schema.Table | str) -> schema.Table:
    if isinstance(table, schema.Table):
        return table
    if table not in _BY_NAME:
        raise OutputError(f"there is no table {table!r}, expected one of {', '.join(_BY_NAME)}")
    return _BY_NAME[table]
