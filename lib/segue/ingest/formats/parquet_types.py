"""Read Parquet columns of types that Spark refuses: timestamps of nanoseconds, times of day, half-precision floats.

pandas writes such columns. Their values are stored as integers or bytes, and Spark reads these if it is given a schema
with integers or bytes. The schema is made from the files' footers, and the values are converted by Spark expressions;
no setting of the session has to change.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException, PySparkTypeError
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import from_arrow_type

from segue.core.paths import read_from
from segue.errors import InputError
from segue.ingest.input_files import InputFile, literal_path

_REFUSED_TYPE = re.compile(r"PARQUET_TYPE_ILLEGAL|Illegal Parquet type|UNSUPPORTED_TIME_TYPE")
_STORED_AS = "stored_as"
"""Key in the metadata of a Spark field: what the stored integers or bytes encode, such as ``time milliseconds``."""
_TAIL_BYTES = 8
_MAX_FOOTER_BYTES = 256 << 20
_MAGIC = b"PAR1"
_UNSIGNED = {
    pa.uint8(): T.ShortType(),
    pa.uint16(): T.IntegerType(),
    pa.uint32(): T.LongType(),
    pa.uint64(): T.DecimalType(20, 0),
}
_MICROSECONDS = {"milliseconds": (1000, 1), "microseconds": (1, 1), "nanoseconds": (1, 1000)}
"""Factor and divisor to convert each unit of time to microseconds."""


def read_parquet(spark: SparkSession, files: Sequence[InputFile]) -> DataFrame:
    """Return a lazy DataFrame of Parquet files, with the merged schema of all files.

    Columns of types that Spark refuses hold the stored integers or bytes; convert each column with ``readable``.

    Runs one Spark job to infer the schema, but none if the first file has a type that Spark refuses. If any file has
    such a type, the schema is made from the footers of all files, which the driver reads; columns that Spark cannot
    read at all are then left out.

    Raises
    ------
    InputError
        If a footer that the driver reads is missing or damaged.
    """
    paths = [literal_path(file.uri) for file in files]
    if not _is_refused(_footer_schema(spark, files[0])):
        try:
            return spark.read.option("mergeSchema", "true").parquet(*paths)
        except (PySparkException, Py4JError) as error:
            if not _REFUSED_TYPE.search(str(error)):
                raise
    fields: dict[str, T.StructField] = {}
    for file in files:
        fields = {field.name: field for field in _fields(_footer_schema(spark, file))} | fields
    return spark.read.schema(T.StructType(list(fields.values()))).parquet(*paths)


def readable(column: Column, field: T.StructField) -> Column:
    """Convert a column of ``read_parquet`` from stored integers or bytes to its values.

    Converted timestamps are in UTC, without time zone; times of day are texts such as ``0:03:45``; half-precision
    floats are doubles. All other columns are returned unchanged.

    Parameters
    ----------
    column : the column, or the field of a struct
    field : the field of ``column`` in the schema of ``read_parquet``
    """
    if isinstance(field.dataType, T.StructType) and _has_stored(field.dataType):
        inner = (readable(column.getField(each.name), each).alias(each.name) for each in field.dataType)
        return F.when(column.isNotNull(), F.struct(*inner))
    kind, _, unit = field.metadata.get(_STORED_AS, "").partition(" ")
    if kind == "half":
        return _half_float(column)
    if not kind:
        return column
    factor, divisor = _MICROSECONDS[unit]
    micros = F.call_function("div", column * factor, F.lit(divisor))
    timestamp = F.convert_timezone(None, F.lit("UTC"), F.timestamp_micros(micros))
    return F.date_format(timestamp, "H:mm:ss") if kind == "time" else timestamp


def is_converted(field: T.StructField) -> bool:
    """Return whether ``readable`` converts the values of a field to another type. The field must not be a struct."""
    return _STORED_AS in field.metadata


def _has_stored(struct: T.StructType) -> bool:
    return any(
        _has_stored(field.dataType) if isinstance(field.dataType, T.StructType) else _STORED_AS in field.metadata
        for field in struct
    )


def _half_float(column: Column) -> Column:
    """Convert half-precision numbers (IEEE 754, two bytes, low byte first) to doubles; null for NaN and infinity."""
    digits = F.hex(column)
    bits = F.conv(F.concat(digits.substr(3, 2), digits.substr(1, 2)), 16, 10).cast("int")
    fraction, exponent = bits.bitwiseAND(1023), F.shiftright(bits, 10).bitwiseAND(31)
    size = F.when(exponent == 0, fraction * 2.0**-24).when(
        exponent < 31, (fraction + 1024) * F.pow(F.lit(2.0), exponent - 25)
    )
    return F.when(bits >= 1 << 15, -size).otherwise(size)


def _footer_schema(spark: SparkSession, file: InputFile) -> pq.ParquetSchema:
    try:
        return pq.ParquetFile(pa.BufferReader(_footer(spark, file))).schema
    except (pa.ArrowException, OSError, EOFError) as error:
        raise InputError(f"cannot read {file.source_file}: it is no Parquet file, or damaged ({error})") from error


def _is_refused(file_schema: pq.ParquetSchema) -> bool:
    """Return whether a file has a column of a type that Spark refuses."""
    return any(_is_refused_leaf(file_schema.column(index)) for index in range(len(file_schema)))


def _is_refused_leaf(leaf: Any) -> bool:
    field = _stored_field(leaf.name, leaf)
    return field is not None and _STORED_AS in field.metadata


def _fields(file_schema: pq.ParquetSchema) -> list[T.StructField]:
    """Return the fields of a Spark schema for a Parquet file, without fields that Spark cannot read at all."""
    leaves = {file_schema.column(index).path: file_schema.column(index) for index in range(len(file_schema))}
    fields = (_field(field, field.name, leaves) for field in file_schema.to_arrow_schema())
    return [field for field in fields if field]


def _footer(spark: SparkSession, file: InputFile) -> bytes:
    """Read the footer of a Parquet file; return the bytes of a Parquet file with this footer and without rows."""
    tail = read_from(spark, file.uri, max(0, file.size - _TAIL_BYTES))
    length = int.from_bytes(tail[:4], "little") if tail.endswith(_MAGIC) else 0
    if length > min(file.size, _MAX_FOOTER_BYTES):
        raise InputError(f"cannot read {file.source_file}: its footer has {length} bytes by its own account")
    return _MAGIC + read_from(spark, file.uri, max(0, file.size - _TAIL_BYTES - length))


def _field(field: pa.Field, path: str, leaves: Mapping[str, Any]) -> T.StructField | None:
    """Convert a Parquet field to a field of a Spark schema; None if Spark cannot read it.

    ``path`` is the dotted path of the field; ``leaves`` maps the paths of the file's columns to their descriptions.
    """
    if pa.types.is_struct(field.type):
        inner = (_field(each, f"{path}.{each.name}", leaves) for each in field.type)
        fields = [each for each in inner if each]
        return T.StructField(field.name, T.StructType(fields)) if fields else None
    if path in leaves and (stored := _stored_field(field.name, leaves[path])):
        return stored
    if pa.types.is_null(field.type) or any(
        _is_refused_leaf(leaf) for name, leaf in leaves.items() if name.startswith(f"{path}.")
    ):
        return None
    if pa.types.is_duration(field.type):
        return T.StructField(field.name, T.LongType())
    try:
        return T.StructField(field.name, _UNSIGNED.get(field.type) or from_arrow_type(field.type))
    except PySparkTypeError:
        return None


def _stored_field(name: str, leaf: Any) -> T.StructField | None:
    """Return the Spark field for a column whose type is INT96 or refused by Spark; None for other columns.

    For a refused type, the metadata of the field state how ``readable`` converts the column. Spark itself converts
    INT96 (timestamps).
    """
    logical = str(leaf.logical_type)
    unit = next((unit for unit in _MICROSECONDS if f"timeUnit={unit}" in logical), "")
    if leaf.physical_type == "INT96":
        return T.StructField(name, T.TimestampType())
    if logical.startswith("Float16"):
        return T.StructField(name, T.BinaryType(), metadata={_STORED_AS: "half"})
    if logical.startswith("Time("):
        number = T.IntegerType() if leaf.physical_type == "INT32" else T.LongType()
        return T.StructField(name, number, metadata={_STORED_AS: f"time {unit}"})
    if logical.startswith("Timestamp(") and unit == "nanoseconds":
        return T.StructField(name, T.LongType(), metadata={_STORED_AS: f"timestamp {unit}"})
    return None
