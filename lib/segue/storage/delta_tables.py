"""Create, rewrite, append to, merge into and maintain one Delta table; each write is one commit."""

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
    """Return the name by which SQL refers to the Delta table at a path."""
    # guard: sql-identifier-backticks-escaped -> return f"delta.`{path}`"
    return f"delta.`{path.replace('`', '``')}`"


def create(path: str, table: Table, rows: DataFrame, *, exists: Callable[[], bool]) -> bool:
    """Create a table, and return whether this run did.

    Parameters
    ----------
    exists : returns whether the table has a commit by now; called if Delta finds something at the path
    """
    try:
        _writer(path, table, rows).create()
    except AnalysisException as error:
        if "ALREADY_EXISTS" not in (error.getCondition() or str(error)):
            raise
        # guard: concurrent-create-detected
        if exists():
            return False
        # Delta takes the folder of a run that died before its first commit for a table
        # guard: uncommitted-folder-rewritten -> raise
        rewrite(path, table, rows)
    return True


def rewrite(path: str, table: Table, rows: DataFrame) -> None:
    """Replace the whole content of a table."""
    _writer(path, table, rows).createOrReplace()


def append(path: str, table: Table, rows: DataFrame) -> None:
    """Append rows to an existing table."""
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
    """Return rows of the driver as a frame of one partition."""
    return spark.createDataFrame(to_arrow(columns, rows), columns).coalesce(1)


def to_arrow(columns: T.StructType, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows as an Arrow table with the columns' types."""
    return pa.Table.from_pylist(list(rows), schema=to_arrow_schema(columns, timezone="UTC"))


def _writer(path: str, table: Table, rows: DataFrame) -> DataFrameWriterV2:
    """Return a writer that sets the table's column comments, constraints and schema version."""
    commented = [F.col(c.name).alias(c.name, metadata={"comment": c.comment}) for c in table.columns]
    writer = rows.select(*commented).writeTo(sql_identifier(path)).using("delta")
    for name, value in table_properties(table).items():
        writer = writer.tableProperty(name, value)
    return writer


def maintenance_preview(spark: SparkSession, table: str, days: int) -> dict[str, int]:
    """Return the number of files and bytes, and how many files ``vacuum`` would remove (Delta lists 1,000 at most).

    ``table`` is an SQL identifier, here and below.
    """
    detail = spark.sql(f"DESCRIBE DETAIL {table}").select("numFiles", "sizeInBytes").collect()[0]
    removable = spark.sql(f"VACUUM {table} RETAIN {24 * days} HOURS DRY RUN").count()
    return {"files": detail.numFiles, "bytes": detail.sizeInBytes, "removable": removable}


def compact(spark: SparkSession, table: str) -> dict[str, int]:
    """Rewrite small files as few large ones (OPTIMIZE), and return how many. Makes no commit if there are none."""
    metrics = spark.sql(f"OPTIMIZE {table}").select("metrics.numFilesRemoved", "metrics.numFilesAdded").collect()[0]
    return {"compacted": metrics.numFilesRemoved, "into": metrics.numFilesAdded}


def vacuum(spark: SparkSession, table: str, days: int) -> None:
    """Remove the files that no version of the last ``days`` needs, and files of runs that died before their commit."""
    spark.sql(f"VACUUM {table} RETAIN {24 * days} HOURS").collect()
