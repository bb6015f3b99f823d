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

_FILE_RETENTION, _LOG_RETENTION = "delta.deletedFileRetentionDuration", "delta.logRetentionDuration"
_LOG_DAYS = 30
_DEFAULT_RETENTION = {_FILE_RETENTION: "interval 7 days", _LOG_RETENTION: f"interval {_LOG_DAYS} days"}
"""Delta's defaults: how long it stores old data files, and its log."""
VERSION_PROPERTY = "segue.schema"
"""Delta property with the schema version of a table: the ``SCHEMA_VERSION`` at its creation or last upgrade."""
_CONSTRAINT = "delta.constraints."
"""Prefix of the Delta properties that hold CHECK constraints."""


def spark_schema(table: Table) -> T.StructType:
    """Return the declared columns of a table as a Spark StructType."""
    return cast(T.StructType, T.StructType.fromDDL(table.ddl))


def check_columns(table: Table, frame: DataFrame) -> None:
    """Raise SchemaError if a DataFrame's columns differ from a table's declaration. Runs no Spark job.

    Names and types are compared, in any order; the message lists every difference. Nulls and ranges are checked later,
    by the table's CHECK constraints when rows are written.
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
    """Return the Delta properties of a new table, as a dict from name to value. They include its CHECK constraints."""
    # with deletion vectors, the Python package deltalake could not read the table
    properties = {VERSION_PROPERTY: str(SCHEMA_VERSION), "delta.enableDeletionVectors": "false"}
    if table.has_feed:
        properties[row_changes.FEED_PROPERTY] = "true"
    return properties | {f"{_CONSTRAINT}{name}": condition for name, condition in table.constraints.items()}


def schema_version_of(properties: dict[str, str]) -> int:
    """Return the schema version of a stored table: ``SCHEMA_VERSION`` at its creation or last upgrade.

    ``properties`` are the table's Delta properties by name. Returns 0 if they contain no schema version.
    """
    return int(properties.get(VERSION_PROPERTY, 0))


def upgrade_table(spark: SparkSession, table: Table, identifier: str, properties: dict[str, str]) -> None:
    """Upgrade a stored table to the current schema: add missing optional columns, replace changed constraints.

    Runs several ALTER TABLE statements; each makes a commit. The last one sets the schema version. Therefore the next
    run repeats an interrupted upgrade.

    Parameters
    ----------
    table : current declaration of the table
    identifier : SQL name of the stored table, such as ``delta.`PATH```
    properties : Delta properties of the stored table, by name

    Raises
    ------
    OutputError
        If the stored table lacks a required column.
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
    """Return a CHECK condition without blanks, for comparisons: Delta changes the blanks of a condition it stores."""
    return "".join(condition.split())


def _quoted(text: str) -> str:
    """Escape a text for an SQL literal in single quotes."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def sql_identifier(path: str) -> str:
    """Return the SQL name of the Delta table at a path or URI: ``delta.`PATH```."""
    # guard: sql-identifier-backticks-escaped -> return f"delta.`{path}`"
    return f"delta.`{path.replace('`', '``')}`"


def create(path: str, table: Table, rows: DataFrame, *, exists: Callable[[], bool]) -> bool:
    """Create a table with rows, in one commit. Writes nothing if another run has created it first.

    Parameters
    ----------
    path : path or URI of the table's folder
    table : declaration of the table
    rows : DataFrame with the table's columns
    exists : function that returns whether the table has a commit; called if Delta reports that the table exists

    Returns
    -------
    bool
        Whether the table was created.
    """
    try:
        _writer(path, table, rows).create()
    except AnalysisException as error:
        if "ALREADY_EXISTS" not in (error.getCondition() or str(error)):
            raise
        # guard: concurrent-create-detected
        if exists():
            return False
        # the table has no commit: Delta reports that it exists if a run died between creating its folder and committing
        # guard: uncommitted-folder-rewritten -> raise
        _writer(path, table, rows).createOrReplace()
    return True


def rewrite(path: str, table: Table, rows: DataFrame) -> None:
    """Replace the rows, columns and Delta properties of a table in one commit (CREATE OR REPLACE).

    Only the retention (``set_retention``) of the stored table is preserved.
    """
    writer = _writer(path, table, rows)
    # guard: retention-outlives-rewrite -> for name, value in ():
    for name, value in _stored_retention(rows.sparkSession, sql_identifier(path)).items():
        writer = writer.tableProperty(name, value)
    writer.createOrReplace()


def append(path: str, table: Table, rows: DataFrame) -> None:
    """Append rows to an existing table in one commit."""
    rows.select(*table.names).write.format("delta").mode("append").save(path)


def merge(path: str, table: Table, changes: DataFrame) -> None:
    """Insert, update and delete rows of a table by its key columns, in one commit (MERGE).

    Parameters
    ----------
    path : path or URI of the table's folder
    table : declaration of the table
    changes : DataFrame with the table's columns and ``_change``, one row per key
        If ``_change`` is ``removed``, the stored row with this key is deleted. Any other row replaces the stored row
        with its key, or is inserted if there is none.
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
    """Convert rows, given as dicts by column name, to a DataFrame of one partition with the columns ``columns``."""
    return spark.createDataFrame(to_arrow(columns, rows), columns).coalesce(1)


def to_arrow(columns: T.StructType, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Convert rows, given as dicts by column name, to a pyarrow Table with the columns and types of ``columns``."""
    return pa.Table.from_pylist(list(rows), schema=to_arrow_schema(columns, timezone="UTC"))


def _writer(path: str, table: Table, rows: DataFrame) -> DataFrameWriterV2:
    """Return a DataFrameWriterV2 that writes ``rows`` with the declared comments, constraints and Delta properties."""
    commented = [F.col(c.name).alias(c.name, metadata={"comment": c.comment}) for c in table.columns]
    writer = rows.select(*commented).writeTo(sql_identifier(path)).using("delta")
    for name, value in table_properties(table).items():
        writer = writer.tableProperty(name, value)
    return writer


def set_retention(spark: SparkSession, table: str, days: int) -> None:
    """Set the retention of a table: the number of days for which its old versions stay readable.

    Makes a commit, unless the table has this retention already. Sets two Delta properties: the retention of data files
    (``days``) and that of the log (``days``, but at least 30). VACUUM uses the retention of data files: Delta ignores
    VACUUM's option RETAIN, unless it is 0 hours.

    Parameters
    ----------
    table : SQL name of the table, such as ``delta.`PATH```
    days : the retention, in days
    """
    stored = _DEFAULT_RETENTION | _stored_retention(spark, table)
    retention = {_FILE_RETENTION: f"interval {days} days", _LOG_RETENTION: f"interval {max(days, _LOG_DAYS)} days"}
    # guard: retention-set
    if stored != retention:
        assignments = ", ".join(f"'{name}' = '{value}'" for name, value in retention.items())
        spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ({assignments})")


def _stored_retention(spark: SparkSession, table: str) -> dict[str, str]:
    """Return the Delta properties set by ``set_retention`` on a table, as a dict from name to value."""
    rows = spark.sql(f"SHOW TBLPROPERTIES {table}").collect()
    return {row.key: row.value for row in rows if row.key in _DEFAULT_RETENTION}


def maintenance_preview(spark: SparkSession, table: str, days: int) -> dict[str, int]:
    """Return the size of a table, and the number of files to be removed by VACUUM. Writes nothing.

    Parameters
    ----------
    table : SQL name of the table, such as ``delta.`PATH```
    days : the retention in days; as Delta ignores RETAIN (see ``set_retention``), it has no effect on ``removable``,
        which counts by the table's stored retention

    Returns
    -------
    dict of int
        ``files`` and ``bytes``: number and size of the files of the latest version. ``removable``: number of files for
        VACUUM to remove, at most 1,000, since Delta lists no more.
    """
    detail = spark.sql(f"DESCRIBE DETAIL {table}").select("numFiles", "sizeInBytes").collect()[0]
    removable = spark.sql(f"VACUUM {table} RETAIN {24 * days} HOURS DRY RUN").count()
    return {"files": detail.numFiles, "bytes": detail.sizeInBytes, "removable": removable}


def compact(spark: SparkSession, table: str) -> dict[str, int]:
    """Replace the small files of a table by few large ones, in one commit (OPTIMIZE).

    Parameters
    ----------
    table : SQL name of the table, such as ``delta.`PATH```

    Returns
    -------
    dict of int
        ``compacted``: number of small files replaced. ``into``: number of new large files. Both are 0 if there was
        nothing to replace.
    """
    metrics = spark.sql(f"OPTIMIZE {table}").select("metrics.numFilesRemoved", "metrics.numFilesAdded").collect()[0]
    return {"compacted": metrics.numFilesRemoved, "into": metrics.numFilesAdded}


def vacuum(spark: SparkSession, table: str, days: int) -> None:
    """Remove the files of a table that no version of the last ``days`` days needs (VACUUM).

    Also removes files that a run wrote more than ``days`` days ago and did not commit, because it died.

    Parameters
    ----------
    table : SQL name of the table, such as ``delta.`PATH```
    days : the retention in days; ``set_retention`` must have set the same number before
    """
    spark.sql(f"VACUUM {table} RETAIN {24 * days} HOURS").collect()
