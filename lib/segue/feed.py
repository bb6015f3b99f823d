"""What became of a table's rows between two of its versions, from Delta's change data feed: as dear as it is much."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue.changes import ADDED, CHANGE, REMOVED, UPDATED
from segue.schema import Table

PROPERTY = "delta.enableChangeDataFeed"
_TYPE, _VERSION = "_change_type", "_commit_version"
_GOES = ("delete", "update_preimage")
_STAYS = ("insert", "update_postimage")


def read_changes(spark: SparkSession, path: str, table: Table, since: int, until: int) -> DataFrame:
    """Return every row that changed, once, with ``_change``: added or updated as it is now, removed as it was.

    Parameters
    ----------
    path : where Spark finds the table
    since, until : versions; what the first already holds is no change
    """
    reader = spark.read.format("delta").option("readChangeFeed", "true")
    events = reader.option("startingVersion", since + 1).option("endingVersion", until).load(path)
    # a commit that replaces rows first takes the old ones away
    turn = F.struct(_VERSION, F.col(_TYPE).isin(*_STAYS))
    told = events.groupBy(*table.key).agg(
        F.min_by(_TYPE, turn).alias("_first"), F.max_by(F.struct(*table.names, _TYPE), turn).alias("_last")
    )
    was_there = F.col("_first").isin(*_GOES)
    is_there = F.col(f"_last.{_TYPE}").isin(*_STAYS)
    change = (
        F.when(was_there & is_there, UPDATED).when(is_there, ADDED).when(was_there, REMOVED)
        # else it came and went in between
    )  # fmt: skip
    rows = told.select(*(F.col(f"_last.{name}").alias(name) for name in table.names), change.alias(CHANGE))
    return rows.where(F.col(CHANGE).isNotNull())
