"""What Delta offers for a table's files: to count them, to compact them, and to remove those of old versions."""

from pyspark.sql import SparkSession


def outlook(spark: SparkSession, table: str, days: int) -> dict[str, int]:
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
