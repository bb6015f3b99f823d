"""Tables of an earlier segue are brought up to date in place, or refused with the way out."""

import pytest
from deltalake import DeltaTable

from segue import schema
from segue.errors import OutputError
from segue.storage.store import Store

OLD_RUNS = {"status_known": "status IN ('done', 'failed')"}
FEW = schema.Table(
    "few",
    ("track_id",),
    (
        schema.Column("track_id", "string", "which track"),
        schema.Column("album", "string", "where it came out, 'nowhere' too", required=False),
        schema.Column("bpm", "double", "beats per minute"),
    ),
    (("bpm_positive", "bpm > 0"),),
    has_feed=True,
)
"""Of the kind that ``tracks`` is, with fewer rules: each that is added is a commit."""
ROW = {"run_id": "r", "job": "j", "status": "done", "settings": "{}", "versions": "{}", "input": "{}", "counts": "{}"}


def made_by_an_earlier_segue(spark, root, table, frame, rules=None):
    """A table as schema 1 had it."""
    path = f"{root}/{table.name}"
    writer = frame.writeTo(f"delta.`file:{path}`").using("delta").tableProperty("segue.schema", "1")
    for name, condition in (rules or {}).items():
        writer = writer.tableProperty(f"delta.constraints.{name}", condition)
    writer.create()
    return Store(spark, str(root))


def properties(root, table):
    return DeltaTable(f"{root}/{table.name}").metadata().configuration


@pytest.mark.guard("changed-constraints-added")
def test_rules_that_have_changed_are_changed(spark, tmp_path):
    frame = spark.createDataFrame([ROW], ", ".join(f"{name} string" for name in ROW)).selectExpr(
        "*", "timestamp'2026-01-01' AS started_at", "timestamp'2026-01-01' AS finished_at", "string(null) AS error"
    )
    store = made_by_an_earlier_segue(spark, tmp_path, schema.RUNS, frame.select(*schema.RUNS.names), OLD_RUNS)
    store.prepare()
    found = properties(tmp_path, schema.RUNS)
    assert found["segue.schema"] == str(schema.SCHEMA_VERSION)
    assert "".join(found["delta.constraints.status_known"].split()) == "".join(
        dict(schema.RUNS.rules)["status_known"].split()
    )
    assert "delta.constraints.job_given" in found
    died = (
        store.read(schema.RUNS).selectExpr("*").replace("done", "died", subset=["status"]).replace("r", "s", ["run_id"])
    )
    store.append(schema.RUNS, died)
    assert sorted(DeltaTable(str(tmp_path / "runs")).to_pandas().status) == ["died", "done"]


@pytest.mark.guard("optional-columns-added")
def test_columns_that_may_be_empty_are_added_and_the_feed_begins(spark, tmp_path):
    frame = spark.createDataFrame([("a", 90.0)], "track_id string, bpm double")
    store = made_by_an_earlier_segue(spark, tmp_path, FEW, frame)
    assert [tuple(row) for row in store.read(FEW).select(*FEW.names).collect()] == [("a", None, 90.0)]
    told = properties(tmp_path, FEW)
    assert (told["delta.enableChangeDataFeed"], told["segue.schema"]) == ("true", str(schema.SCHEMA_VERSION))
    assert told["delta.constraints.bpm_positive"] == "bpm > 0"
    version = DeltaTable(str(tmp_path / "few")).version()
    Store(spark, str(tmp_path)).read(FEW)
    assert DeltaTable(str(tmp_path / "few")).version() == version


@pytest.mark.guard("missing-required-columns-refused")
def test_what_cannot_be_made_up_is_refused_with_the_way_out(spark, tmp_path):
    frame = spark.createDataFrame([("m", "minmax", 2)], "model_version string, space string, k int")
    store = made_by_an_earlier_segue(spark, tmp_path, schema.K_SCORES, frame)
    with pytest.raises(OutputError, match=r"lacks inertia, .*choose another --output"):
        store.read(schema.K_SCORES)
    assert DeltaTable(str(tmp_path / "k_scores")).version() == 0
