"""A table's declared columns against those of a frame."""

import logging
from typing import cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from segue.errors import OutputError, SchemaError
from segue.schema import SCHEMA_VERSION, Table
from segue.storage import row_changes


def spark_schema(table: Table) -> T.StructType:
    """Return the columns as Spark has them."""
    return cast(T.StructType, T.StructType.fromDDL(table.ddl))


def check_columns(table: Table, frame: DataFrame) -> None:
    """Compare names and types with the declared ones; whether a value may be null is the constraints' matter.

    Raises
    ------
    SchemaError
        Naming every difference at once.
    """
    wanted = {field.name: field.dataType.simpleString() for field in spark_schema(table)}
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


log = logging.getLogger(__name__)
VERSION_PROPERTY = "segue.schema"
_CONSTRAINT = "delta.constraints."


def table_properties(table: Table) -> dict[str, str]:
    """Return what a table's properties say, besides what Delta adds."""
    # readers without a JVM know no deletion vectors
    said = {VERSION_PROPERTY: str(SCHEMA_VERSION), "delta.enableDeletionVectors": "false"}
    if table.has_feed:
        said[row_changes.FEED_PROPERTY] = "true"
    return said | {f"{_CONSTRAINT}{name}": condition for name, condition in table.constraints.items()}


def schema_version_of(properties: dict[str, str]) -> int:
    """Return the version of the schema that a table was written or upgraded with."""
    return int(properties.get(VERSION_PROPERTY, 0))


def upgrade_table(spark: SparkSession, table: Table, identifier: str, found: dict[str, str]) -> None:
    """Add what is missing, and change the rules that have changed; the version is the last to be written.

    Parameters
    ----------
    identifier : the table in SQL
    found : its properties

    Raises
    ------
    OutputError
        If a column is missing that every row must have.
    """
    there = set(spark.table(identifier).columns)
    missing = [column for column in table.columns if column.name not in there]
    needed = [column.name for column in missing if column.required]
    # guard: missing-required-columns-refused
    if needed:
        raise OutputError(
            f"{table.name} was written by an earlier segue and lacks {', '.join(needed)}, which cannot be made up; "
            "choose another --output and run the pipeline on the files again"
        )
    log.info("upgrading %s from schema %d to %d", table.name, schema_version_of(found), SCHEMA_VERSION)
    kinds = {field.name: field.dataType.simpleString() for field in spark_schema(table)}
    # guard: optional-columns-added
    if missing:
        columns = ", ".join(f"`{c.name}` {kinds[c.name]} COMMENT '{_quoted(c.comment)}'" for c in missing)
        spark.sql(f"ALTER TABLE {identifier} ADD COLUMNS ({columns})")
    wanted, rules = table_properties(table), {}
    for name, condition in found.items():
        if name.startswith(_CONSTRAINT) and _bare(wanted.get(name, "")) == _bare(condition):
            rules[name] = condition
        elif name.startswith(_CONSTRAINT):
            spark.sql(f"ALTER TABLE {identifier} DROP CONSTRAINT IF EXISTS `{name.removeprefix(_CONSTRAINT)}`")
    for name, condition in wanted.items():
        # guard: changed-constraints-added
        if name.startswith(_CONSTRAINT) and name not in rules:
            spark.sql(f"ALTER TABLE {identifier} ADD CONSTRAINT `{name.removeprefix(_CONSTRAINT)}` CHECK ({condition})")
    plain = {name: value for name, value in wanted.items() if not name.startswith(_CONSTRAINT)}
    told = ", ".join(f"'{name}' = '{_quoted(value)}'" for name, value in plain.items())
    spark.sql(f"ALTER TABLE {identifier} SET TBLPROPERTIES ({told})")


def _bare(condition: str) -> str:
    """Return a condition without blanks, of which Delta puts in some of its own."""
    return "".join(condition.split())


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
