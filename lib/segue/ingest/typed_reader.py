"""Read Parquet files and Delta tables into validated rows.

In number columns of ``tracks``, doubles and integers are validated as numbers. All other values are converted to texts,
and validated like those of text files.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segue import schema
from segue.core.spark_helpers import parallel_jobs
from segue.errors import InputError
from segue.ingest.columns.column_matching import ColumnLayout
from segue.ingest.columns.header_candidates import order_members
from segue.ingest.formats import parquet_types
from segue.ingest.formats.text_scan import SAMPLE_LINES, consecutive_groups
from segue.ingest.input_files import InputFile
from segue.ingest.row_collector import BATCH_ROWS, RowCollector
from segue.ingest.validation import VALIDATED_ROWS

_WRITE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")
_NUMBERED_PART = re.compile(r"part[-.]\d+\.")
_MAX_DEPTH = 6
_NUMBERS = (T.DoubleType, T.LongType, T.IntegerType, T.ShortType, T.ByteType)
"""Spark types of values that are validated as doubles. Parsing their text would give the same double."""
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


def refuse_delta_parts(spark: SparkSession, files: Sequence[InputFile]) -> None:
    """Raise InputError if a Parquet file is part of a Delta table: its rows may be of an older version of the table."""
    for folder in sorted({file.uri.rpartition("/")[0] for file in files}):
        # guard: delta-table-parts-refused
        if DeltaTable.isDeltaTable(spark, folder):
            raise InputError(
                f"{folder} is a Delta table, or a folder inside one, expected files outside Delta tables; "
                "pass the table's own path as --input, or a path that excludes it"
            )


def group_by_schema(spark: SparkSession, files: Sequence[InputFile]) -> list[list[InputFile]]:
    """Group Parquet files by schema; return one list of files per schema.

    A write is one save of a table, as one or many files. Only its first file is inspected; ``read_columns`` merges the
    schemas within each returned list. Runs at most one Spark job per write; none if all files are of one write.
    """
    writes = group_by_write(files, join_parts=False)
    if len(writes) == 1:
        return writes
    with parallel_jobs(spark) as submit:
        schemas = [submit(_read_schema, spark, write[0]) for write in writes]
    groups: dict[str, list[InputFile]] = {}
    for write, schema_json in zip(writes, schemas, strict=True):
        # guard: parquet-grouped-by-schema -> groups.setdefault("", []).extend(write)
        groups.setdefault(schema_json.result(), []).extend(write)
    return list(groups.values())


def _read_schema(spark: SparkSession, file: InputFile) -> str:
    return parquet_types.read_parquet(spark, [file]).schema.json()


def group_by_write(files: Sequence[InputFile], *, join_parts: bool = True) -> list[list[InputFile]]:
    """Group files by write: one save of a table by Spark, pandas or Dask, as one or many files.

    Parameters
    ----------
    files : sequence of InputFile
        The files. Files with the same id (a UUID, as in Spark's file names) in their names are of one write.
    join_parts : bool
        Whether all files named ``part.0.parquet``, ``part.1.parquet``, …, without an id, count as one write.

    Returns
    -------
    list of lists of InputFile
        One list per write. A file with any other name is a write of its own.
    """
    groups: dict[str, list[InputFile]] = {}
    for file in files:
        name = file.source_file.rpartition("/")[2]
        # guard: one-unit-per-write -> write = None
        write = _WRITE_ID.search(name)
        is_part = join_parts and _NUMBERED_PART.match(name)
        groups.setdefault(write[0] if write else "part" if is_part else file.source_file, []).append(file)
    return list(groups.values())


def read_columns(spark: SparkSession, files: Sequence[InputFile]) -> tuple[list[str], DataFrame]:
    """Return the column names of files with one schema, and their rows as text.

    For Parquet files, runs at most one Spark job, to infer the schema.

    Parameters
    ----------
    spark : SparkSession
    files : sequence of InputFile
        Parquet files with one schema, or a single Delta table, which is read at its listed version.

    Returns
    -------
    names : list of str
        The columns of the files and of partition folders (``column=value``, as in Hive), then the fields of structs,
        such as ``audio_features.tempo``.
    rows : DataFrame
        ``source_file``, ``raw`` (the row as JSON), and the columns as texts: ``c0``, ``c1``, … in the order of
        ``names``. Columns of doubles or integers are added as doubles: ``n3`` has the numbers of ``c3``.
    """
    is_delta = files[0].format == "delta"
    if is_delta:
        # a fixed version, because several jobs read the table, and other writers may commit between the jobs
        table = spark.read.format("delta").option("versionAsOf", files[0].version).load(files[0].uri)
    else:
        # schemas are merged: files of one write have one schema as a rule, but their names do not guarantee this
        table = parquet_types.read_parquet(spark, files)
    numbered = [F.col(_quoted(field.name)).alias(f"f{index}") for index, field in enumerate(table.schema)]
    partitions = _partition_columns(files)
    if is_delta:
        rows = table.select(F.lit(files[0].source_file).alias("source_file"), *numbered)
    else:
        # joined before columns become texts: Spark infers constraints for each side of a join; because ``raw`` is an
        # expression of all columns, the number of constraints would double with every text column
        by_file: dict[str, list[str | None]] = {"source_file": [file.source_file for file in files]}
        by_file |= {f"p{i}": [v.get(file.source_file) for file in files] for i, v in enumerate(partitions.values())}
        rows = table.select(F.xxhash64("_metadata.file_path").alias("file_id"), *numbered)
        rows = _with_values(rows, "file_id", [file.id for file in files], by_file)
    columns = [parquet_types.readable(F.col(f"f{i}"), f).alias(f.name) for i, f in enumerate(table.schema)]
    raw = F.to_json(F.struct(*columns), {"ignoreNullFields": "false"}).alias("raw")
    fields = zip(columns, table.schema, strict=True)
    leaves = [leaf for column, field in fields for leaf in _leaves(column, field, field.name)]
    texts = {name: text for name, text, _ in leaves}
    numbers = {name: number for name, _, number in leaves if number is not None}
    for index, name in enumerate(partitions):
        texts.setdefault(name, F.col(f"p{index}"))
    names = order_members(texts)
    as_texts = [texts[name].alias(f"c{index}") for index, name in enumerate(names)]
    as_numbers = [numbers[name].alias(f"n{index}") for index, name in enumerate(names) if name in numbers]
    return list(names), rows.select("source_file", raw, *as_texts, *as_numbers)


def _with_values(rows: DataFrame, key: str, keys: Sequence[Any], values: Mapping[str, Sequence[Any]]) -> DataFrame:
    """Add columns by a join: rows with ``keys[i]`` in column ``key`` get ``values[name][i]`` in column ``name``.

    An expression with a literal for each of 100,000 files, instead of the join, would take minutes to plan.
    """
    types = {name: pa.int64() if name == "write" else pa.string() for name in values}
    table = pa.table({key: pa.array(keys), **{name: pa.array(values[name], types[name]) for name in values}})
    return rows.join(F.broadcast(rows.sparkSession.createDataFrame(table)), key, "left")


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _leaves(column: Column, field: T.StructField, name: str) -> Iterator[tuple[str, Column, Column | None]]:
    """Yield (name, column as text, column as double) for a column or, if it is a struct, for each of its fields.

    Structs within structs are split too, up to ``_MAX_DEPTH`` dots in a name; a deeper struct is JSON text. The third
    element is None for types that are not in ``_NUMBERS``, and for values that ``parquet_types.readable`` converts.
    """
    if isinstance(field.dataType, T.StructType) and name.count(".") < _MAX_DEPTH:
        for inner in field.dataType:
            yield from _leaves(column.getField(inner.name), inner, f"{name}.{inner.name}")
    elif isinstance(field.dataType, T.ArrayType | T.StructType | T.MapType):
        yield name, F.to_json(column), None
    else:
        is_number = isinstance(field.dataType, _NUMBERS) and not parquet_types.is_converted(field)
        yield name, column.cast("string"), column.cast("double") if is_number else None


def _partition_columns(files: Sequence[InputFile]) -> dict[str, dict[str, str | None]]:
    """Return the columns defined by partition folders: ``{"year": {"year=2020/a.parquet": "2020"}}``.

    The outer keys are column names, the inner keys are names of source files.
    """
    columns: dict[str, dict[str, str | None]] = defaultdict(dict)
    for file in files:
        for folder in file.source_file.split("/")[:-1]:
            name, is_partition, value = folder.partition("=")
            if is_partition and file.format == "parquet":
                columns[unquote(name)][file.source_file] = None if value == _NULL_PARTITION else unquote(value)
    return columns


def collect_samples(rows: DataFrame, writes: Sequence[Sequence[InputFile]]) -> list[list[list[str | None]]]:
    """Return a sample of each write: the ``SAMPLE_LINES`` rows with the smallest hashes, as texts. Runs one Spark job.

    Parameters
    ----------
    rows : DataFrame
        The rows, from ``read_columns``.
    writes : sequence of sequences of InputFile
        The files of ``rows``, one sequence per write, from ``group_by_write``.

    Returns
    -------
    list of lists of rows
        One list per write; a row has one text per column, None for null.
    """
    texts = [name for name in rows.columns if name.startswith("c")]
    source_files = [file.source_file for write in writes for file in write]
    indices = [index for index, write in enumerate(writes) for _ in write]
    lowest = F.min_by(F.array(*texts), F.struct(F.xxhash64(*texts), *texts), SAMPLE_LINES)
    with_write = _with_values(rows, "source_file", source_files, {"write": indices})
    by_write = with_write.groupBy("write").agg(lowest.alias("sample"))
    samples = {row.write: row.sample for row in by_write.collect()}
    return [samples.get(index, []) for index in range(len(writes))]


def read_typed(rows: DataFrame, layouts: Mapping[str, ColumnLayout], non_null_columns: Sequence[str]) -> DataFrame:
    """Validate rows of Parquet files or a Delta table; return a lazy DataFrame with the schema ``VALIDATED_ROWS``.

    Parameters
    ----------
    rows : DataFrame
        The rows, from ``read_columns``.
    layouts : mapping of str to ColumnLayout
        How the columns of each file are read, by ``source_file``.
    non_null_columns : sequence of str
        Audio features without which a row is rejected.
    """
    given = set(rows.columns)
    numbers = [feature.name for feature in schema.NUMBERS]

    def numbered(name: str, index: int) -> str:
        return f"n{index}" if name in numbers and f"n{index}" in given else f"c{index}"

    names = {
        source_file: {name: numbered(name, column.index) for name, column in layout.columns.items()}
        for source_file, layout in layouts.items()
    }
    used = sorted({name for columns in names.values() for name in columns.values()})

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        collector = RowCollector(non_null_columns)
        for batch in batches:
            files = batch.column("source_file").dictionary_encode()
            keyed = pa.record_batch([files.indices, *batch.columns], ["file", *batch.schema.names])
            for (index,), part in consecutive_groups(keyed, ("file",)):
                source_file = files.dictionary[index].as_py()
                columns = {name: part.column(column) for name, column in names[source_file].items()}
                yield from collector.add_columns(source_file, part.column("raw"), layouts[source_file], columns)
            yield from collector.batches(BATCH_ROWS)
        yield from collector.batches()

    return rows.select("source_file", "raw", *used).mapInArrow(read, VALIDATED_ROWS)
