"""Parquet and Delta: rows that were never text become text, so that they take the same way as all others."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segue.core.spark_helpers import parallel_jobs
from segue.errors import InputError
from segue.ingest.input_files import InputFile, literal_path
from segue.ingest.text_scan import SAMPLE_LINES

_ID_OF_WRITE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")
_PART = re.compile(r"part[-.]\d+\.")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def refuse_delta_parts(spark: SparkSession, found: Sequence[InputFile]) -> None:
    """Refuse files of a Delta table that is not named itself: many may be of versions that are gone."""
    for folder in sorted({file.uri.rpartition("/")[0] for file in found}):
        # guard: delta-table-parts-refused
        if DeltaTable.isDeltaTable(spark, folder):
            raise InputError(
                f"{folder} is a Delta table, or lies in one; a table is read alone, so name it as --input, or a path "
                "without it"
            )


def group_by_schema(spark: SparkSession, found: Sequence[InputFile]) -> list[list[InputFile]]:
    """Return Parquet files in groups of the same columns and types. Runs a small Spark job for each write but one."""
    writes = group_by_write(found, parts_are_one=False)
    if len(writes) == 1:
        return writes

    with parallel_jobs(spark) as begin:
        schemas = [begin(_schema, spark, write[0]) for write in writes]
    groups: dict[str, list[InputFile]] = {}
    for write, known in zip(writes, schemas, strict=True):
        # guard: parquet-grouped-by-schema -> groups.setdefault("", []).extend(write)
        groups.setdefault(known.result(), []).extend(write)
    return list(groups.values())


def _schema(spark: SparkSession, file: InputFile) -> str:
    return spark.read.parquet(literal_path(file.uri)).schema.json()


def group_by_write(found: Sequence[InputFile], *, parts_are_one: bool = True) -> list[list[InputFile]]:
    """Return files in groups that were written together: Spark, pandas and Dask cut one table into many files.

    Parameters
    ----------
    parts_are_one : whether parts that are numbered, and bear no id of their write, count as one write
    """
    groups: dict[str, list[InputFile]] = {}
    for file in found:
        name = file.relative.rpartition("/")[2]
        # guard: one-unit-per-write -> write = None
        write = _ID_OF_WRITE.search(name)
        is_part = parts_are_one and _PART.match(name)
        groups.setdefault(write[0] if write else "part" if is_part else file.relative, []).append(file)
    return list(groups.values())


def typed_rows(spark: SparkSession, found: Sequence[InputFile]) -> tuple[list[str], DataFrame]:
    """Return the column names, and a frame of ``source_file``, ``raw`` (JSON) and ``c0``, ``c1``, … as text.

    Folders that are called ``name=value`` give columns too, as Hive and whoever follows it has them, behind the others.
    """
    if found[0].format == "delta":
        # it is read more than once, and somebody may write to it meanwhile
        loaded = spark.read.format("delta").option("versionAsOf", found[0].version).load(found[0].uri)
        source = F.lit(found[0].relative)
    else:
        # what looks like one write by its files' names need not be one
        loaded = spark.read.option("mergeSchema", "true").parquet(*(literal_path(file.uri) for file in found))
        source = _by({file.id: file.relative for file in found}, F.xxhash64("_metadata.file_path"))
    names = loaded.columns
    by_position = [F.col(f"`{name.replace('`', '``')}`") for name in names]
    raw = F.to_json(F.struct(*by_position), {"ignoreNullFields": "false"})
    texts = [_as_text(column, field.dataType) for column, field in zip(by_position, loaded.schema, strict=True)]
    for name, values in _folders(found).items():
        if name not in names:
            names, texts = [*names, name], [*texts, _by(values, source)]
    numbered = [text.alias(f"c{index}") for index, text in enumerate(texts)]
    return names, loaded.select(source.alias("source_file"), raw.alias("raw"), *numbered)


def _by(values: Mapping[Any, Any], key: Column) -> Column:
    return F.create_map(*(F.lit(part) for item in values.items() for part in item))[key]


def _folders(found: Sequence[InputFile]) -> dict[str, dict[str, str | None]]:
    """Return what the folders above files say: by name, the value for every file below one that is called so."""
    said: dict[str, dict[str, str | None]] = defaultdict(dict)
    for file in found:
        for folder in file.relative.split("/")[:-1]:
            name, is_said, value = folder.partition("=")
            if is_said and file.format == "parquet":
                said[unquote(name)][file.relative] = None if value == _NO_VALUE else unquote(value)
    return said


def _as_text(column: Column, kind: T.DataType) -> Column:
    if isinstance(kind, T.ArrayType | T.StructType | T.MapType):
        return F.to_json(column)
    return column.cast("string")


def fit_samples(rows: DataFrame, writes: Sequence[Sequence[InputFile]]) -> list[list[list[str | None]]]:
    """Return some rows of every write as lists of text, the same whatever their order. Runs a Spark job."""
    texts = [name for name in rows.columns if name not in ("source_file", "raw")]
    whose = _by({file.relative: place for place, write in enumerate(writes) for file in write}, F.col("source_file"))
    lowest = F.min_by(F.array(*texts), F.struct(F.xxhash64(*texts), *texts), SAMPLE_LINES)
    found = {row.write: row.sample for row in rows.groupBy(whose.alias("write")).agg(lowest.alias("sample")).collect()}
    return [found.get(place, []) for place in range(len(writes))]
