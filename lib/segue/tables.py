"""The one place tables are read and written. Every write is one commit, and what would change nothing makes none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
from delta.tables import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, DataFrameWriterV2, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.storagelevel import StorageLevel

from segue import commits, files, schema
from segue.conflicts import conflict, one_writer
from segue.errors import OutputError, SchemaError

VERSION_PROPERTY = "segue.schema"
_OURS = {table.name for table in schema.TABLES}


@dataclass(frozen=True, slots=True)
class Change:
    """How many rows a write added, updated and removed; all 0 where it made no commit."""

    added: int = 0
    updated: int = 0
    removed: int = 0

    @property
    def rows(self) -> int:
        """All rows touched."""
        return self.added + self.updated + self.removed


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
            If it is a file, not writable, or holds something else.
        """
        names = [name for name in files.names_in(self.root) or [] if not name.startswith(".")]
        ours = [name for name in names if name in _OURS and files.names_in(f"{self.root}/{name}/{commits.LOG}")]
        if names and not ours:
            raise OutputError(
                f"--output {self.root} holds something else ({', '.join(names[:5])}), "
                "wanted a new folder, an empty one, or one that segue wrote"
            )
        files.make_folder(self.root)
        if self.exists(schema.RUNS):
            self._refuse_newer(schema.RUNS)

    def path(self, table: schema.Table) -> str:
        """Return where a table is."""
        return files.spark_uri(self._folder(table))

    def exists(self, table: schema.Table) -> bool:
        """Tell whether a table has been written."""
        return commits.latest(self._folder(table)) is not None

    def version(self, table: schema.Table) -> int:
        """Return the version that a reader sees now."""
        version = commits.latest(self._folder(table))
        if version is None:
            raise OutputError(f"{self.root} has no table {table.name}; {_MADE_BY[table.name]} writes it")
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
        self._refuse_newer(table)
        version = self._require_unchanged(table)
        self.seen[table.name] = version
        frame = self._spark.read.format("delta").option("versionAsOf", version).load(self.path(table))
        _check_columns(table, frame)
        return frame

    def rows(self, table: schema.Table, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
        """Return a few rows that were made on the driver as a frame, to be written to a table."""
        types = to_arrow_schema(_declared(table), timezone="UTC")
        return self._spark.createDataFrame(pa.Table.from_pylist(list(rows), schema=types), _declared(table)).coalesce(1)

    def find(self, table: schema.Table) -> DataFrame | None:
        """Return a table as it is now, or None where it is not."""
        return self.read(table) if self.exists(table) else None

    def append(self, table: schema.Table, rows: DataFrame) -> None:
        """Add rows to a table, which is made where it is not."""
        with one_writer(table.name):
            if self.exists(table) or not self._create(table, rows):
                rows.select(*table.names).write.format("delta").mode("append").save(self.path(table))
        self.seen.pop(table.name, None)

    def _folder(self, table: schema.Table) -> str:
        return f"{self.root}/{table.name}"

    def sync(self, table: schema.Table, rows: DataFrame, *, whole: bool = False) -> Change:
        """Bring a table's rows up to date by its key, in one commit, or in none where nothing differs.

        Parameters
        ----------
        table : which
        rows : one per key
        whole : whether ``rows`` is all that the table shall hold, so that other rows are removed
        """
        _check_columns(table, rows)
        rows = rows.select(*table.names)
        stored = self.find(table)
        if stored is None:
            if not self._create(table, rows):
                raise conflict(table.name)
            self.seen[table.name] = 0
            return Change(added=self._written(table, 0))
        # they are looked at several times, and what made them may be a plan too large to be part of another
        rows = rows.persist(StorageLevel.MEMORY_AND_DISK)
        changes = _changes(table, rows, stored, whole=whole).persist(StorageLevel.MEMORY_AND_DISK)
        try:
            counted = {row[0]: row[1] for row in changes.groupBy("_change").count().collect()}
            change = Change(counted.get("added", 0), counted.get("updated", 0), counted.get("removed", 0))
            if change.rows:
                self._require_unchanged(table)
                with one_writer(table.name):
                    if whole and 2 * change.rows > stored.count():
                        self._writer(table, rows).createOrReplace()
                    else:
                        self._merge(table, changes)
                self.seen[table.name] = self.version(table)
            return change
        finally:
            changes.unpersist()
            rows.unpersist()

    def replace(self, table: schema.Table, rows: DataFrame) -> None:
        """Write a whole table in one commit, whatever it held before."""
        _check_columns(table, rows)
        rows = rows.select(*table.names)
        with one_writer(table.name):
            if self.exists(table):
                self._refuse_newer(table)
                self._require_unchanged(table)
                self._writer(table, rows).createOrReplace()
            elif not self._create(table, rows):
                raise conflict(table.name)
        self.seen[table.name] = self.version(table)

    def _written(self, table: schema.Table, version: int) -> int:
        """Return how many rows a commit wrote: it says so itself, which spares computing or reading them again."""
        rows = commits.rows_written(self._folder(table), version)
        if rows is not None:
            return rows
        return self._spark.read.format("delta").option("versionAsOf", version).load(self.path(table)).count()

    def _require_unchanged(self, table: schema.Table) -> int:
        """Return the version, or raise ConflictError where it is not the one seen before."""
        version = self.version(table)
        if version != self.seen.get(table.name, version):
            raise conflict(table.name)
        return version

    def _refuse_newer(self, table: schema.Table) -> None:
        version = self.version(table)
        if self._readable.get(table.name) == version:
            return
        properties = self._spark.sql(f"SHOW TBLPROPERTIES {self._identifier(table)}").collect()
        written = int(next((row.value for row in properties if row.key == VERSION_PROPERTY), 0))
        if written > schema.SCHEMA_VERSION:
            raise OutputError(
                f"{self.root}/{table.name} was written by a newer segue (schema {written}, this one reads up to "
                f"{schema.SCHEMA_VERSION}); install that segue, or choose another --output"
            )
        self._readable[table.name] = version

    def _identifier(self, table: schema.Table) -> str:
        return f"delta.`{self.path(table).replace('`', '``')}`"

    def _create(self, table: schema.Table, rows: DataFrame) -> bool:
        """Make a table in one commit, and tell whether it was this run that made it."""
        try:
            self._writer(table, rows).create()
        except AnalysisException as error:
            if "ALREADY_EXISTS" not in (error.getCondition() or str(error)):
                raise
            return False
        self._readable[table.name] = 0
        return True

    def _writer(self, table: schema.Table, rows: DataFrame) -> DataFrameWriterV2:
        """Return what writes a whole table, with comments, constraints and the schema's version."""
        commented = [F.col(c.name).alias(c.name, metadata={"comment": c.comment}) for c in table.columns]
        writer = (
            rows.select(*commented)
            .writeTo(self._identifier(table))
            .using("delta")
            .tableProperty(VERSION_PROPERTY, str(schema.SCHEMA_VERSION))
            # readers without a JVM know no deletion vectors
            .tableProperty("delta.enableDeletionVectors", "false")
        )
        for name, condition in table.constraints.items():
            writer = writer.tableProperty(f"delta.constraints.{name}", condition)
        return writer

    def _merge(self, table: schema.Table, changes: DataFrame) -> None:
        same_key = " AND ".join(f"old.{name} = new.{name}" for name in table.key)
        values = {name: f"new.{name}" for name in table.names}
        (
            DeltaTable.forPath(self._spark, self.path(table))
            .alias("old")
            .merge(changes.alias("new"), same_key)
            .whenMatchedDelete("new._change = 'removed'")
            .whenMatchedUpdate(set=dict(values))
            .whenNotMatchedInsert("new._change != 'removed'", values=dict(values))
            .execute()
        )


_MADE_BY = {
    schema.TRACKS.name: "ingest_tracks.py",
    schema.REJECTED_TRACKS.name: "ingest_tracks.py",
    schema.K_SCORES.name: "train_clusters.py",
    schema.LABELED_TRACKS.name: "label_tracks.py",
    schema.CLUSTER_PROFILES.name: "label_tracks.py",
    schema.SIMILAR_TRACKS.name: "recommend_tracks.py",
    schema.PLAYLIST_RECOMMENDATIONS.name: "recommend_tracks.py --seeds FILE",
    schema.RUNS.name: "every job",
}


def _changes(table: schema.Table, rows: DataFrame, stored: DataFrame, *, whole: bool) -> DataFrame:
    """Return the rows that differ from the stored ones, with ``_change``: added, updated or removed."""
    key = list(table.key)
    old = stored.select(*key, F.struct(*table.names).alias("_old"))
    change = F.when(F.col("_old").isNull(), "added").when(~F.struct(*table.names).eqNullSafe(F.col("_old")), "updated")
    changed = rows.join(old, key, "left").withColumn("_change", change).where("_change IS NOT NULL")
    changed = changed.select(*table.names, "_change")
    if not whole:
        return changed
    gone = stored.join(rows.select(*key), key, "left_anti").select(*table.names)
    return changed.union(gone.withColumn("_change", F.lit("removed")))


def _declared(table: schema.Table) -> T.StructType:
    return cast(T.StructType, T.StructType.fromDDL(table.ddl))


def _check_columns(table: schema.Table, frame: DataFrame) -> None:
    """Compare names and types with the declared ones; whether a value may be null is the constraints' matter."""
    declared = {field.name: field.dataType.simpleString() for field in _declared(table)}
    found = {field.name: field.dataType.simpleString() for field in frame.schema}
    missing = [name for name in declared if name not in found]
    extra = [name for name in found if name not in declared]
    retyped = [
        f"{name} ({found[name]}, wanted {kind})"
        for name, kind in declared.items()
        if name in found and found[name] != kind
    ]
    if missing or extra or retyped:
        raise SchemaError(table.name, missing=missing, extra=extra, retyped=retyped)
