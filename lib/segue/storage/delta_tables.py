"""How rows get into a Delta table: it is made, written whole, added to, or merged with. Each is one commit."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from delta.tables import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, DataFrameWriterV2, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from segue.schema import Table
from segue.storage.migrations import table_properties
from segue.storage.row_changes import CHANGE, REMOVED


def sql_identifier(path: str) -> str:
    """Return the name in SQL of the table that Spark finds at a path."""
    # guard: sql-identifier-backticks-escaped -> return f"delta.`{path}`"
    return f"delta.`{path.replace('`', '``')}`"


def create(path: str, table: Table, rows: DataFrame, *, is_there: Callable[[], bool]) -> bool:
    """Make a table, and tell whether it was this run that made it.

    Parameters
    ----------
    is_there : tells whether the table has a commit by now, asked where Delta finds something in its place
    """
    try:
        _writer(path, table, rows).create()
    except AnalysisException as error:
        if "ALREADY_EXISTS" not in (error.getCondition() or str(error)):
            raise
        # guard: concurrent-create-detected
        if is_there():
            return False
        # a run that died before its commit left a folder, which Delta takes for a table
        # guard: uncommitted-folder-rewritten -> raise
        rewrite(path, table, rows)
    return True


def rewrite(path: str, table: Table, rows: DataFrame) -> None:
    """Write a whole table, whatever it held before."""
    _writer(path, table, rows).createOrReplace()


def append(path: str, table: Table, rows: DataFrame) -> None:
    """Add rows to a table that is there."""
    rows.select(*table.names).write.format("delta").mode("append").save(path)


def merge(spark: SparkSession, path: str, table: Table, changes: DataFrame) -> None:
    """Apply changed rows to a table: ``_change`` says which are inserted, updated or deleted."""
    same_key = " AND ".join(f"old.{name} = new.{name}" for name in table.key)
    values = {name: f"new.{name}" for name in table.names}
    (
        DeltaTable.forPath(spark, path)
        .alias("old")
        .merge(changes.alias("new"), same_key)
        .whenMatchedDelete(f"new.{CHANGE} = '{REMOVED}'")
        .whenMatchedUpdate(set=dict(values))
        .whenNotMatchedInsert(f"new.{CHANGE} != '{REMOVED}'", values=dict(values))
        .execute()
    )


def local_frame(spark: SparkSession, columns: T.StructType, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Return a few rows that were made on the driver as a frame of one partition."""
    return spark.createDataFrame(to_arrow(columns, rows), columns).coalesce(1)


def to_arrow(columns: T.StructType, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows as a table of Arrow, in which every value has its column's type."""
    return pa.Table.from_pylist(list(rows), schema=to_arrow_schema(columns, timezone="UTC"))


def _writer(path: str, table: Table, rows: DataFrame) -> DataFrameWriterV2:
    """Return what writes a whole table, with comments, constraints and the schema's version."""
    commented = [F.col(c.name).alias(c.name, metadata={"comment": c.comment}) for c in table.columns]
    writer = rows.select(*commented).writeTo(sql_identifier(path)).using("delta")
    for name, value in table_properties(table).items():
        writer = writer.tableProperty(name, value)
    return writer


def maintenance_preview(spark: SparkSession, table: str, days: int) -> dict[str, int]:
    """Return what there is, and what ``vacuum`` would remove (Delta lists a thousand files at the most)."""
    detail = spark.sql(f"DESCRIBE DETAIL {table}").select("numFiles", "sizeInBytes").collect()[0]
    old = spark.sql(f"VACUUM {table} RETAIN {24 * days} HOURS DRY RUN").count()
    return {"files": detail.numFiles, "bytes": detail.sizeInBytes, "removable": old}


def compact(spark: SparkSession, table: str) -> dict[str, int]:
    """Write small files anew as few large ones, in one commit, or in none where there is nothing to gain."""
    metrics = spark.sql(f"OPTIMIZE {table}").select("metrics.numFilesRemoved", "metrics.numFilesAdded").collect()[0]
    return {"compacted": metrics.numFilesRemoved, "into": metrics.numFilesAdded}


def vacuum(spark: SparkSession, table: str, days: int) -> None:
    """Remove files that no version of the last days needs, those that a run left behind when it died among them."""
    spark.sql(f"VACUUM {table} RETAIN {24 * days} HOURS").collect()
