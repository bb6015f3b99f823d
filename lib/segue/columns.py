"""A table's declared columns against those of a frame."""

from typing import cast

from pyspark.sql import DataFrame
from pyspark.sql import types as T

from segue.errors import SchemaError
from segue.schema import Table


def declared(table: Table) -> T.StructType:
    """Return the columns as Spark has them."""
    return cast(T.StructType, T.StructType.fromDDL(table.ddl))


def check_columns(table: Table, frame: DataFrame) -> None:
    """Compare names and types with the declared ones; whether a value may be null is the constraints' matter.

    Raises
    ------
    SchemaError
        Naming every difference at once.
    """
    wanted = {field.name: field.dataType.simpleString() for field in declared(table)}
    found = {field.name: field.dataType.simpleString() for field in frame.schema}
    missing = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted]
    retyped = [
        f"{name} ({found[name]}, wanted {kind})"
        for name, kind in wanted.items()
        if name in found and found[name] != kind
    ]
    if missing or extra or retyped:
        raise SchemaError(table.name, missing=missing, extra=extra, retyped=retyped)
