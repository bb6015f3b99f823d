"""Create, upgrade, rewrite, append to, merge into and maintain one Delta table. Each write of rows is one commit."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pyarrow as pa
from delta.tables import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, DataFrameWriterV2, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from segue.errors import OutputError, SchemaError
from segue.schema import SCHEMA_VERSION, Table
from segue.storage import row_changes
from segue.storage.row_changes import CHANGE, REMOVED

log = logging.getLogger(__name__)

_RETENTION, _DEFAULT_RETENTION = "delta.deletedFileRetentionDuration", "interval 7 days"
VERSION_PROPERTY = "segue.schema"
_CONSTRAINT = "delta.constraints."


def spark_schema(table: Table) -> T.StructType:
    """Return a table's declared columns as a StructType."""
    return cast(T.StructType, T.StructType.fromDDL(table.ddl))


def check_columns(table: Table, frame: DataFrame) -> None:
    """Require that a DataFrame has the columns of a table, with the declared types. Runs no Spark job.

    Nulls and ranges are checked by the table's constraints when rows are written.

    Raises
    ------
    SchemaError
        If names or types differ; the message lists every difference. The order of columns does not matter.
    """
    declared = {field.name: field.dataType.simpleString() for field in spark_schema(table)}
    actual = {field.name: field.dataType.simpleString() for field in frame.schema}
    missing = [name for name in declared if name not in actual]
    extra = [name for name in actual if name not in declared]
    retyped = [
        f"{name} ({actual[name]}, expected {kind})"
        for name, kind in declared.items()
        if name in actual and actual[name] != kind
    ]
    if missing or extra or retyped:
        raise SchemaError(table.name, missing=missing, extra=extra, retyped=retyped)


def table_properties(table: Table) -> dict[str, str]:
    """Return the Delta properties that a table is created with, by name; they include its CHECK constraints."""
    # the Python package deltalake cannot read tables with deletion vectors
    properties = {VERSION_PROPERTY: str(SCHEMA_VERSION), "delta.enableDeletionVectors": "false"}
    if table.has_feed:
        properties[row_changes.FEED_PROPERTY] = "true"
    return properties | {f"{_CONSTRAINT}{name}": condition for name, condition in table.constraints.items()}


def schema_version_of(properties: dict[str, str]) -> int:
    """Return the schema version (``SCHEMA_VERSION``) with which a table was created or last upgraded.

    Reads it from ``properties``, the table's Delta properties by name; returns 0 if they lack it.
    """
    return int(properties.get(VERSION_PROPERTY, 0))


def upgrade_table(spark: SparkSession, table: Table, identifier: str, properties: dict[str, str]) -> None:
    """Upgrade a stored table to the current schema: add missing optional columns, replace changed constraints.

    Each SQL statement makes a commit. The schema version is set last, so that an interrupted upgrade is repeated.

    Parameters
    ----------
    table : current declaration of the table
    identifier : SQL name of the stored table, such as ``delta.`PATH```
    properties : properties of the stored table, by name

    Raises
    ------
    OutputError
        If a required column is missing.
    """
    stored = set(spark.table(identifier).columns)
    missing = [column for column in table.columns if column.name not in stored]
    required = [column.name for column in missing if column.required]
    # guard: missing-required-columns-refused
    if required:
        raise OutputError(
            f"{table.name} was written by an earlier version of segue and lacks {', '.join(required)}, which cannot "
            "be derived; choose another --output and run the pipeline on the files again"
        )
    log.info("upgrading %s from schema %d to %d", table.name, schema_version_of(properties), SCHEMA_VERSION)
    types = {field.name: field.dataType.simpleString() for field in spark_schema(table)}
    # guard: optional-columns-added
    if missing:
        columns = ", ".join(f"`{c.name}` {types[c.name]} COMMENT '{_quoted(c.comment)}'" for c in missing)
        spark.sql(f"ALTER TABLE {identifier} ADD COLUMNS ({columns})")
    declared = table_properties(table)
    unchanged = set()
    for name, condition in properties.items():
        if name.startswith(_CONSTRAINT) and _without_blanks(declared.get(name, "")) == _without_blanks(condition):
            unchanged.add(name)
        elif name.startswith(_CONSTRAINT):
            spark.sql(f"ALTER TABLE {identifier} DROP CONSTRAINT IF EXISTS `{name.removeprefix(_CONSTRAINT)}`")
    for name, condition in declared.items():
        # guard: changed-constraints-added
        if name.startswith(_CONSTRAINT) and name not in unchanged:
            spark.sql(f"ALTER TABLE {identifier} ADD CONSTRAINT `{name.removeprefix(_CONSTRAINT)}` CHECK ({condition})")
    others = {name: value for name, value in declared.items() if not name.startswith(_CONSTRAINT)}
    assignments = ", ".join(f"'{name}' = '{_quoted(value)}'" for name, value in others.items())
    spark.sql(f"ALTER TABLE {identifier} SET TBLPROPERTIES ({assignments})")


def _without_blanks(condition: str) -> str:
    # Delta stores a condition with other blanks than declared
    return "".join(condition.split())


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def sql_identifier(path: str) -> str:
    """Return the name by which SQL refers to the Delta table at a path: ``delta.`PATH```."""
    # guard: sql-identifier-backticks-escaped -> return f"delta.`{path}`"
    return f"delta.`{path.replace('`', '``')}`"


def create(path: str, table: Table, rows: DataFrame, *, exists: Callable[[], bool]) -> bool:
    """Create a table with these rows, and return True; return False if another run has created it first.

    Parameters
    ----------
    exists : function that returns whether the table has a commit; called if Delta reports that the table exists
    """
    try:
        _writer(path, table, rows).create()
    except AnalysisException as error:
        if "ALREADY_EXISTS" not in (error.getCondition() or str(error)):
            raise
        # guard: concurrent-create-detected
        if exists():
            return False
        # Delta also reports that a table exists for the folder of a run that died before its first commit
        # guard: uncommitted-folder-rewritten -> raise
        rewrite(path, table, rows)
    return True


def rewrite(path: str, table: Table, rows: DataFrame) -> None:
    """Replace a table's rows by ``rows``, and its columns and properties by the declared ones, in one commit."""
    _writer(path, table, rows).createOrReplace()


def append(path: str, table: Table, rows: DataFrame) -> None:
    """Append rows to an existing table in one commit."""
    rows.select(*table.names).write.format("delta").mode("append").save(path)


def merge(path: str, table: Table, changes: DataFrame) -> None:
    """Insert, update and delete rows of a table by its key, in one commit. Runs a MERGE.

    ``changes`` has the table's columns and ``_change``. A row that is ``removed`` is deleted; a row that is ``added``
    or ``updated`` is inserted if the table lacks its key, else updated.
    """
    same_key = " AND ".join(f"old.{name} = new.{name}" for name in table.key)
    values = {name: f"new.{name}" for name in table.names}
    (
        DeltaTable.forPath(changes.sparkSession, path)
        .alias("old")
        .merge(changes.alias("new"), same_key)
        .whenMatchedDelete(f"new.{CHANGE} = '{REMOVED}'")
        .whenMatchedUpdate(set=dict(values))
        .whenNotMatchedInsert(f"new.{CHANGE} != '{REMOVED}'", values=dict(values))
        .execute()
    )


def local_frame(spark: SparkSession, columns: T.StructType, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Convert dicts, one per row, to a Spark DataFrame of one partition with these columns."""
    return spark.createDataFrame(to_arrow(columns, rows), columns).coalesce(1)


def to_arrow(columns: T.StructType, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Convert dicts, one per row, to a pyarrow Table with the types of ``columns``."""
    return pa.Table.from_pylist(list(rows), schema=to_arrow_schema(columns, timezone="UTC"))


def _writer(path: str, table: Table, rows: DataFrame) -> DataFrameWriterV2:
    """Return a DataFrameWriterV2 for ``rows`` that also sets the table's comments, constraints and properties."""
    commented = [F.col(c.name).alias(c.name, metadata={"comment": c.comment}) for c in table.columns]
    writer = rows.select(*commented).writeTo(sql_identifier(path)).using("delta")
    for name, value in table_properties(table).items():
        writer = writer.tableProperty(name, value)
    return writer


def set_retention(spark: SparkSession, table: str, days: int) -> None:
    """Set the retention of a table, for VACUUM: the number of ``days`` whose versions stay readable.

    Makes a commit, but none if the table has this retention already. Sets it as a property of the table
    (``delta.deletedFileRetentionDuration``), because VACUUM ignores RETAIN where it differs from this property.

    Parameters
    ----------
    table : the table's name in SQL, such as ``delta.`PATH```
    """
    rows = spark.sql(f"SHOW TBLPROPERTIES {table}").collect()
    stored = next((row.value for row in rows if row.key == _RETENTION), _DEFAULT_RETENTION)
    # guard: retention-set
    if stored != f"interval {days} days":
        spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('{_RETENTION}' = 'interval {days} days')")


def maintenance_preview(spark: SparkSession, table: str, days: int) -> dict[str, int]:
    """Return a dict with the size of a table, and with the number of files that VACUUM would remove. Writes nothing.

    Parameters
    ----------
    table : the table's name in SQL, such as ``delta.`PATH```
    days : the retention, see ``set_retention``

    Returns
    -------
    dict of int
        ``files`` and ``bytes`` of the latest version, and ``removable``, at most 1,000, as Delta lists no more files.
    """
    detail = spark.sql(f"DESCRIBE DETAIL {table}").select("numFiles", "sizeInBytes").collect()[0]
    removable = spark.sql(f"VACUUM {table} RETAIN {24 * days} HOURS DRY RUN").count()
    return {"files": detail.numFiles, "bytes": detail.sizeInBytes, "removable": removable}


def compact(spark: SparkSession, table: str) -> dict[str, int]:
    """Replace the small files of a table by few large files (OPTIMIZE), if there are several.

    Returns a dict: ``compacted``, the number of files that were replaced, and ``into``, the number of files that
    replace them; both are 0 if nothing was replaced. ``table`` is the table's name in SQL, such as ``delta.`PATH```.
    """
    metrics = spark.sql(f"OPTIMIZE {table}").select("metrics.numFilesRemoved", "metrics.numFilesAdded").collect()[0]
    return {"compacted": metrics.numFilesRemoved, "into": metrics.numFilesAdded}


def vacuum(spark: SparkSession, table: str, days: int) -> None:
    """Remove files that no version of the last ``days`` needs, such as files of runs that died before their commit.

    ``table`` is the table's name in SQL, such as ``delta.`PATH```. ``set_retention`` must have set the same ``days``.
    """
    spark.sql(f"VACUUM {table} RETAIN {24 * days} HOURS").collect()
