"""Copy a file of make_input.py to Delta; text is read with declared types. Arguments: FILE FOLDER."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from segue.runtime import session

STRINGS = ("track_id", "track_name", "artists", "album_name", "track_genre")
INTEGERS = ("year", "popularity")


def declared_schema(names: Iterable[str]) -> T.StructType:
    """Return a schema for columns of make_input.py: some are strings or integers, all others doubles."""
    types = {name: T.StringType() for name in STRINGS} | {name: T.IntegerType() for name in INTEGERS}
    return T.StructType([T.StructField(name, types.get(name, T.DoubleType())) for name in names])


def read_rows(spark: SparkSession, path: str) -> DataFrame:
    """Read a Parquet, CSV or JSON lines file. Text is read with the types of ``declared_schema``."""
    if path.endswith(".parquet"):
        return spark.read.parquet(path)
    with Path(path).open(encoding="utf-8") as stream:
        line = stream.readline().strip()
    if path.endswith(".csv"):
        return spark.read.csv(path, schema=declared_schema(line.split(",")), header=True, escape='"')
    return spark.read.json(path, schema=declared_schema(json.loads(line)))


if __name__ == "__main__":
    path, folder = sys.argv[1:]
    spark = session.spark_session("plain copy")
    read_rows(spark, path).write.format("delta").save(folder)
    print(spark.read.format("delta").load(folder).count(), "rows")
    spark.stop()
