"""Create, migrate, rewrite, append to, merge into and maintain one Delta table; each write is one commit."""

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
    """Require that a DataFrame's columns have the declared names and types. Nulls are checked by table constraints.

    Raises
    ------
    SchemaError
        If they differ; the message lists every difference.
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
    # deltalake reads no deletion vectors
    properties = {VERSION_PROPERTY: str(SCHEMA_VERSION), "delta.enableDeletionVectors": "false"}
    if table.has_feed:
        properties[row_changes.FEED_PROPERTY] = "true"
    return properties | {f"{_CONSTRAINT}{name}": condition for name, condition in table.constraints.items()}


def schema_version_of(properties: dict[str, str]) -> int:
    """Return the version of segue's schema in a table's properties (a dict by name), 0 if there is none.

    It is the version with which the table was written or to which it was upgraded last.
    """
    return int(properties.get(VERSION_PROPERTY, 0))


def upgrade_table(spark: SparkSession, table: Table, identifier: str, properties: dict[str, str]) -> None:
    """Upgrade a stored table to the current schema: add missing optional columns, replace changed constraints.

    The schema version is set last, so that an interrupted upgrade is repeated.

    Parameters
    ----------
    table : the current declaration
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
    # Delta stores conditions with blanks of its own
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
    exists : function that returns whether the table has a commit. Delta also reports that a table exists where a run
        died before its first commit: such a folder is overwritten.
    """
    try:
        _writer(path, table, rows).create()
    except AnalysisException as error:
        if "ALREADY_EXISTS" not in (error.getCondition() or str(error)):
            raise
        # guard: concurrent-create-detected
        if exists():
            return False
        # Delta also reports this for the folder of a run that died before its first commit
        # guard: uncommitted-folder-rewritten -> raise
        rewrite(path, table, rows)
    return True


def rewrite(path: str, table: Table, rows: DataFrame) -> None:
    """Replace a table's content by ``rows``, and its schema and properties by those declared."""
    _writer(path, table, rows).createOrReplace()


def append(path: str, table: Table, rows: DataFrame) -> None:
    """Append rows to an existing table in one commit."""
    rows.select(*table.names).write.format("delta").mode("append").save(path)


def merge(path: str, table: Table, changes: DataFrame) -> None:
    """Insert, update or delete rows of a table, as the column ``_change`` of ``changes`` says of each row.

    Its values are ``added``, ``updated`` and ``removed``; rows are matched by the table's key.
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
    """Return a DataFrameWriterV2 of ``rows`` that also sets the table's comments, constraints and schema version."""
    commented = [F.col(c.name).alias(c.name, metadata={"comment": c.comment}) for c in table.columns]
    writer = rows.select(*commented).writeTo(sql_identifier(path)).using("delta")
    for name, value in table_properties(table).items():
        writer = writer.tableProperty(name, value)
    return writer


def set_retention(spark: SparkSession, table: str, days: int) -> None:
    """Have a table keep the files of all versions of the last ``days``; a commit if it kept others before.

    VACUUM keeps to this property, whatever number of hours its RETAIN names.

    Parameters
    ----------
    table : SQL identifier
    """
    rows = spark.sql(f"SHOW TBLPROPERTIES {table}").collect()
    stored = next((row.value for row in rows if row.key == _RETENTION), _DEFAULT_RETENTION)
    # guard: retention-set
    if stored != f"interval {days} days":
        spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('{_RETENTION}' = 'interval {days} days')")


def maintenance_preview(spark: SparkSession, table: str, days: int) -> dict[str, int]:
    """Return a dict: ``files`` and ``bytes`` of a table, and ``removable``, the number of files VACUUM would remove.

    ``table`` is its name in SQL, such as ``delta.`PATH```; ``days`` is the retention. ``removable`` is at most 1,000,
    as Delta lists no more.
    """
    detail = spark.sql(f"DESCRIBE DETAIL {table}").select("numFiles", "sizeInBytes").collect()[0]
    removable = spark.sql(f"VACUUM {table} RETAIN {24 * days} HOURS DRY RUN").count()
    return {"files": detail.numFiles, "bytes": detail.sizeInBytes, "removable": removable}


def compact(spark: SparkSession, table: str) -> dict[str, int]:
    """Rewrite small files of a table as few large ones (OPTIMIZE), if there are any.

    Returns a dict: ``compacted``, the number of files that were replaced, and ``into``, the number of files that
    replace them; both are 0 if there was nothing to do. ``table`` is the table's name in SQL.
    """
    metrics = spark.sql(f"OPTIMIZE {table}").select("metrics.numFilesRemoved", "metrics.numFilesAdded").collect()[0]
    return {"compacted": metrics.numFilesRemoved, "into": metrics.numFilesAdded}


def vacuum(spark: SparkSession, table: str, days: int) -> None:
    """Remove files that no version of the last ``days`` needs, and files of runs that died before their commit.

    ``table`` is the table's name in SQL, such as ``delta.`PATH```.
    """
    spark.sql(f"VACUUM {table} RETAIN {24 * days} HOURS").collect()
