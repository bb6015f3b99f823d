"""The declared schema of a table against the stored one: compare a frame's columns, and upgrade tables in place."""

import logging
from typing import cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from segue.errors import OutputError, SchemaError
from segue.schema import SCHEMA_VERSION, Table
from segue.storage import row_changes

log = logging.getLogger(__name__)

VERSION_PROPERTY = "segue.schema"
_CONSTRAINT = "delta.constraints."


def spark_schema(table: Table) -> T.StructType:
    """Return a table's declared columns as a Spark schema."""
    return cast(T.StructType, T.StructType.fromDDL(table.ddl))


def check_columns(table: Table, frame: DataFrame) -> None:
    """Compare the names and types of a frame's columns with the declared ones. Nulls are checked by constraints.

    Raises
    ------
    SchemaError
        Names every difference at once.
    """
    declared = {field.name: field.dataType.simpleString() for field in spark_schema(table)}
    actual = {field.name: field.dataType.simpleString() for field in frame.schema}
    missing = [name for name in declared if name not in actual]
    extra = [name for name in actual if name not in declared]
    retyped = [
        f"{name} ({actual[name]}, expected {kind})"
        for name, kind in declared.items()
        if name in actual and actual[name] != kind
    ]
    if missing or extra or retyped:
        raise SchemaError(table.name, missing=missing, extra=extra, retyped=retyped)


def table_properties(table: Table) -> dict[str, str]:
    """Return the properties that a table is created with, constraints included."""
    # deltalake reads no deletion vectors
    properties = {VERSION_PROPERTY: str(SCHEMA_VERSION), "delta.enableDeletionVectors": "false"}
    if table.has_feed:
        properties[row_changes.FEED_PROPERTY] = "true"
    return properties | {f"{_CONSTRAINT}{name}": condition for name, condition in table.constraints.items()}


def schema_version_of(properties: dict[str, str]) -> int:
    """Return the schema version that a table was written with or upgraded to."""
    return int(properties.get(VERSION_PROPERTY, 0))


def upgrade_table(spark: SparkSession, table: Table, identifier: str, properties: dict[str, str]) -> None:
    """Add missing optional columns, replace changed constraints, and set the schema version last.

    Parameters
    ----------
    identifier : of the stored table in SQL
    properties : of the stored table

    Raises
    ------
    OutputError
        If a required column is missing.
    """
    stored = set(spark.table(identifier).columns)
    missing = [column for column in table.columns if column.name not in stored]
    required = [column.name for column in missing if column.required]
    # guard: missing-required-columns-refused
    if required:
        raise OutputError(
            f"{table.name} was written by an earlier version of segue and lacks {', '.join(required)}, which cannot "
            "be derived; choose another --output and run the pipeline on the files again"
        )
    log.info("upgrading %s from schema %d to %d", table.name, schema_version_of(properties), SCHEMA_VERSION)
    types = {field.name: field.dataType.simpleString() for field in spark_schema(table)}
    # guard: optional-columns-added
    if missing:
        columns = ", ".join(f"`{c.name}` {types[c.name]} COMMENT '{_quoted(c.comment)}'" for c in missing)
        spark.sql(f"ALTER TABLE {identifier} ADD COLUMNS ({columns})")
    declared = table_properties(table)
    unchanged = set()
    for name, condition in properties.items():
        if name.startswith(_CONSTRAINT) and _without_blanks(declared.get(name, "")) == _without_blanks(condition):
            unchanged.add(name)
        elif name.startswith(_CONSTRAINT):
            spark.sql(f"ALTER TABLE {identifier} DROP CONSTRAINT IF EXISTS `{name.removeprefix(_CONSTRAINT)}`")
    for name, condition in declared.items():
        # guard: changed-constraints-added
        if name.startswith(_CONSTRAINT) and name not in unchanged:
            spark.sql(f"ALTER TABLE {identifier} ADD CONSTRAINT `{name.removeprefix(_CONSTRAINT)}` CHECK ({condition})")
    others = {name: value for name, value in declared.items() if not name.startswith(_CONSTRAINT)}
    assignments = ", ".join(f"'{name}' = '{_quoted(value)}'" for name, value in others.items())
    spark.sql(f"ALTER TABLE {identifier} SET TBLPROPERTIES ({assignments})")


def _without_blanks(condition: str) -> str:
    # Delta stores conditions with blanks of its own
    return "".join(condition.split())


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
