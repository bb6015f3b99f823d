"""Tables of an earlier version of segue are upgraded in place, or refused with a message that says what to do."""

import pytest
from deltalake import DeltaTable

from segue import schema
from segue.errors import OutputError
from segue.storage.store import Store

OLD_RUNS = {"status_known": "status IN ('done', 'failed')"}
SMALL = schema.Table(
    "small",
    ("track_id",),
    (
        schema.Column("track_id", "string", "id of the track"),
        schema.Column("album", "string", "of its release, 'unknown' too", required=False),
        schema.Column("bpm", "double", "beats per minute"),
    ),
    (("bpm_positive", "bpm > 0"),),
    has_feed=True,
)
"""A table like ``tracks`` with few constraints, as an upgrade makes a commit for each of them."""
ROW = {"run_id": "r", "job": "j", "status": "done", "settings": "{}", "versions": "{}", "input": "{}", "counts": "{}"}


def store_of_schema_1(spark, root, table, frame, rules=None):
    """Write a table with schema version 1 and the constraints ``rules``, and return its store."""
    path = f"{root}/{table.name}"
    writer = frame.writeTo(f"delta.`file:{path}`").using("delta").tableProperty("segue.schema", "1")
    for name, condition in (rules or {}).items():
        writer = writer.tableProperty(f"delta.constraints.{name}", condition)
    writer.create()
    return Store(spark, str(root))


def properties(root, table):
    return DeltaTable(f"{root}/{table.name}").metadata().configuration


@pytest.mark.guard("changed-constraints-added")
def test_changed_constraints_are_replaced(spark, tmp_path):
    frame = spark.createDataFrame([ROW], ", ".join(f"{name} string" for name in ROW)).selectExpr(
        "*", "timestamp'2026-01-01' AS started_at", "timestamp'2026-01-01' AS finished_at", "string(null) AS error"
    )
    store = store_of_schema_1(spark, tmp_path, schema.RUNS, frame.select(*schema.RUNS.names), OLD_RUNS)
    store.prepare()
    upgraded = properties(tmp_path, schema.RUNS)
    assert upgraded["segue.schema"] == str(schema.SCHEMA_VERSION)
    assert "".join(upgraded["delta.constraints.status_known"].split()) == "".join(
        dict(schema.RUNS.rules)["status_known"].split()
    )
    assert "delta.constraints.job_given" in upgraded
    died = (
        store.read(schema.RUNS).selectExpr("*").replace("done", "died", subset=["status"]).replace("r", "s", ["run_id"])
    )
    store.append(schema.RUNS, died)
    assert sorted(DeltaTable(str(tmp_path / "runs")).to_pandas().status) == ["died", "done"]


@pytest.mark.guard("optional-columns-added")
def test_optional_columns_and_the_change_feed_are_added(spark, tmp_path):
    frame = spark.createDataFrame([("a", 90.0)], "track_id string, bpm double")
    store = store_of_schema_1(spark, tmp_path, SMALL, frame)
    assert [tuple(row) for row in store.read(SMALL).select(*SMALL.names).collect()] == [("a", None, 90.0)]
    upgraded = properties(tmp_path, SMALL)
    assert (upgraded["delta.enableChangeDataFeed"], upgraded["segue.schema"]) == ("true", str(schema.SCHEMA_VERSION))
    assert upgraded["delta.constraints.bpm_positive"] == "bpm > 0"
    version = DeltaTable(str(tmp_path / "small")).version()
    Store(spark, str(tmp_path)).read(SMALL)
    assert DeltaTable(str(tmp_path / "small")).version() == version


@pytest.mark.guard("missing-required-columns-refused")
def test_table_without_a_required_column_is_refused(spark, tmp_path):
    frame = spark.createDataFrame([("m", "minmax", 2)], "model_version string, space string, k int")
    store = store_of_schema_1(spark, tmp_path, schema.K_SCORES, frame)
    with pytest.raises(OutputError, match=r"lacks inertia, .*choose another --output"):
        store.read(schema.K_SCORES)
    assert DeltaTable(str(tmp_path / "k_scores")).version() == 0
