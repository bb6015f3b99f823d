"""Parquet and Delta: rows that were never text become text, so that they take the same way as all others."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segue.sources.listing import InputFile, escaped
from segue.sources.scan import SAMPLE_LINES


def typed_rows(spark: SparkSession, files: list[InputFile]) -> tuple[list[str], DataFrame]:
    """Return the column names, and a frame of ``source_file``, ``raw`` (JSON) and ``c0``, ``c1``, … as text."""
    if files[0].format == "delta":
        # it is read more than once, and somebody may write to it meanwhile
        loaded = spark.read.format("delta").option("versionAsOf", files[0].version).load(files[0].uri)
        source = F.lit(files[0].relative)
    else:
        loaded = spark.read.option("mergeSchema", "true").parquet(*(escaped(file.uri) for file in files))
        relative = {file.id: file.relative for file in files}
        source = F.create_map(*(F.lit(part) for item in relative.items() for part in item))[
            F.xxhash64("_metadata.file_path")
        ]
    names = loaded.columns
    by_position = [F.col(f"`{name.replace('`', '``')}`") for name in names]
    raw = F.to_json(F.struct(*by_position), {"ignoreNullFields": "false"})
    texts = [
        _as_text(column, field.dataType).alias(f"c{index}")
        for index, (column, field) in enumerate(zip(by_position, loaded.schema, strict=True))
    ]
    return names, loaded.select(source.alias("source_file"), raw.alias("raw"), *texts)


def _as_text(column: Column, kind: T.DataType) -> Column:
    if isinstance(kind, T.ArrayType | T.StructType | T.MapType):
        return F.to_json(column)
    return column.cast("string")


def fit_sample(rows: DataFrame) -> list[list[str | None]]:
    """Return some rows as lists of text, the same whatever the order of the rows. Runs a Spark job."""
    texts = [name for name in rows.columns if name not in ("source_file", "raw")]
    lowest = rows.orderBy(F.xxhash64("raw"), "raw").limit(SAMPLE_LINES)
    return [list(row) for row in lowest.select(*texts).collect()]
