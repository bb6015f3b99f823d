"""Tables: one commit a change, none where nothing changes, and refusals that lose nothing."""

from pathlib import Path

import pytest
from chispa import assert_df_equality
from deltalake import DeltaTable
from pyspark.sql import functions as F

from segue import schema
from segue.errors import ConflictError, OutputError, SchemaError
from segue.storage import store as store_module
from segue.storage.row_changes import ChangeCounts
from segue.storage.store import Store

DOTS = schema.Table(
    "dots",
    ("id",),
    (
        schema.Column("id", "string", "which dot"),
        schema.Column("x", "double", "metres to the right", required=False),
        schema.Column("tags", "array<string>", "what it is called"),
    ),
    (("x_positive", "x IS NULL OR x >= 0"),),
)


@pytest.fixture
def store(spark, tmp_path):
    return Store(spark, str(tmp_path / "out"))


def dots(spark, *rows):
    return spark.createDataFrame(list(rows), DOTS.ddl)


def versions(store):
    return DeltaTable(f"{store.root}/dots").version()


def test_a_new_table_takes_one_commit_with_comments_rules_and_an_old_reader_protocol(spark, store):
    assert store.sync(DOTS, dots(spark, ("a", 1.0, ["t"]))) == ChangeCounts(added=1)
    table = DeltaTable(f"{store.root}/dots")
    assert table.version() == 0
    assert table.protocol().min_reader_version == 1
    comments = {field.name: field.metadata["comment"] for field in table.schema().fields}
    assert comments == {"id": "which dot", "x": "metres to the right", "tags": "what it is called"}
    assert table.metadata().configuration["delta.constraints.x_positive"] == "x IS NULL OR x >= 0"
    assert table.to_pandas().to_dict("records")[0]["x"] == 1.0


@pytest.mark.guard("unchanged-rows-not-committed")
def test_the_same_rows_again_make_no_commit(spark, store):
    rows = dots(spark, ("a", None, ["t", "u"]), ("b", 2.0, []))
    store.sync(DOTS, rows)
    assert store.sync(DOTS, rows, remove_missing=True) == ChangeCounts()
    assert store.sync(DOTS, rows.where("id = 'b'")) == ChangeCounts()
    assert versions(store) == 0


def test_rows_are_added_and_updated_by_key_and_others_left(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, []), ("b", 2.0, []), ("c", None, ["t"])))
    assert store.sync(DOTS, dots(spark, ("b", None, []), ("d", 4.0, ["u"]))) == ChangeCounts(added=1, updated=1)
    wanted = dots(spark, ("a", 1.0, []), ("b", None, []), ("c", None, ["t"]), ("d", 4.0, ["u"]))
    assert_df_equality(store.read(DOTS), wanted, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)
    assert versions(store) == 1


@pytest.mark.parametrize("kept", [3, 1])  # a few changes are merged, many make a new table
def test_whole_removes_what_is_gone_in_one_commit(spark, store, kept):
    rows = dots(spark, ("a", 1.0, []), ("b", 2.0, []), ("c", 3.0, []), ("d", 4.0, []))
    store.sync(DOTS, rows)
    fewer = rows.orderBy("id").limit(kept)
    assert store.sync(DOTS, fewer, remove_missing=True) == ChangeCounts(removed=4 - kept)
    assert_df_equality(store.read(DOTS), fewer, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)
    assert versions(store) == 1


@pytest.mark.guard("nan-equals-nan")
def test_a_few_rows_of_the_driver_are_compared_there_and_bring_the_table_up_to_date(spark, store):
    first = [{"id": "a", "x": float("nan"), "tags": ["t"]}, {"id": "b", "tags": []}, {"id": "c", "x": 3, "tags": []}]
    assert store.sync_local(DOTS, first) == ChangeCounts(added=3)
    assert store.sync_local(DOTS, first, remove_missing=True) == store.sync_local(DOTS, first[1:]) == ChangeCounts()
    assert versions(store) == 0
    second = [{"id": "b", "x": 2.0, "tags": []}, {"id": "c", "x": 3.0, "tags": ["u"]}, {"id": "d", "tags": []}]
    assert store.sync_local(DOTS, second) == ChangeCounts(added=1, updated=2)
    assert store.sync_local(DOTS, second, remove_missing=True) == ChangeCounts(removed=1)
    assert versions(store) == 2
    wanted = dots(spark, ("b", 2.0, []), ("c", 3.0, ["u"]), ("d", None, []))
    assert_df_equality(store.read(DOTS), wanted, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)


def test_a_table_is_told_from_one_that_is_written_whole_instead_of_it(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    before = store.table_id(DOTS)
    assert before == DeltaTable(f"{store.root}/dots").metadata().id
    store.sync(DOTS, dots(spark, ("b", 1.0, [])))
    assert store.table_id(DOTS) == before
    store.sync(DOTS, dots(spark, ("c", 1.0, []), ("d", 2.0, [])), remove_missing=True)
    assert before != store.table_id(DOTS) == DeltaTable(f"{store.root}/dots").metadata().id


def test_a_frame_that_was_read_does_not_change_with_later_writes(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    before = store.read(DOTS)
    store.sync(DOTS, dots(spark, ("b", 2.0, [])))
    assert before.count() == 1
    assert store.read(DOTS).count() == 2


@pytest.mark.guard("table-version-unchanged")
def test_who_writes_on_what_another_changed_meanwhile_loses_and_changes_nothing(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    late, early = Store(spark, store.root), Store(spark, store.root)
    late.read(DOTS)
    early.sync(DOTS, dots(spark, ("b", 2.0, [])))
    with pytest.raises(ConflictError, match="another run changed dots meanwhile"):
        late.sync(DOTS, dots(spark, ("b", 3.0, [])))
    assert versions(store) == 1
    wanted = dots(spark, ("a", 1.0, []), ("b", 2.0, []))
    found = Store(spark, store.root).read(DOTS)
    assert_df_equality(found, wanted, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)


@pytest.mark.guard("concurrent-create-detected")
def test_of_two_that_make_the_same_table_one_loses(spark, store, monkeypatch):
    late = Store(spark, store.root)
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    monkeypatch.setattr(late, "exists", lambda table: False)  # as it was when the late one looked
    with pytest.raises(ConflictError):
        late.sync(DOTS, dots(spark, ("b", 2.0, [])))
    late.append(DOTS, dots(spark, ("c", 3.0, [])))
    wanted = dots(spark, ("a", 1.0, []), ("c", 3.0, []))
    found = Store(spark, store.root).read(DOTS)
    assert_df_equality(found, wanted, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)


def test_a_rule_broken_refuses_the_whole_write(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    with pytest.raises(Exception, match="x_positive"):
        store.sync(DOTS, dots(spark, ("b", 2.0, []), ("c", -1.0, [])))
    assert versions(store) == 0


def test_every_difference_of_columns_is_named_at_once(spark, store):
    wrong = dots(spark, ("a", 1.0, [])).withColumn("x", F.lit("1")).drop("tags").withColumn("y", F.lit(1))
    with pytest.raises(SchemaError, match="missing: tags; not declared: y; wrong type: x "):
        store.sync(DOTS, wrong)
    assert not store.exists(DOTS)


@pytest.mark.guard("newer-table-refused")
def test_a_table_of_a_newer_segue_is_refused(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    newer = schema.SCHEMA_VERSION + 1
    spark.sql(f"ALTER TABLE delta.`{store.path(DOTS)}` SET TBLPROPERTIES ('segue.schema' = '{newer}')")
    with pytest.raises(OutputError, match=f"newer segue .schema {newer}, this one reads up to {schema.SCHEMA_VERSION}"):
        store.read(DOTS)


def test_what_is_not_there_is_said_with_who_writes_it(store):
    with pytest.raises(OutputError, match="no table tracks; ingest_tracks"):
        store.read(schema.TRACKS)


@pytest.mark.guard("foreign-folder-refused")
def test_a_folder_of_something_else_is_left_alone(spark, tmp_path):
    (tmp_path / "models").mkdir()  # a name that segue uses too does not make it segue's
    with pytest.raises(OutputError, match="holds something else"):
        Store(spark, str(tmp_path)).prepare()
    assert [entry.name for entry in tmp_path.iterdir()] == ["models"]


def test_an_output_below_a_file_cannot_be_written_to(spark, tmp_path):
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(OutputError):
            Store(spark, str(root)).prepare()


@pytest.mark.guard("sql-identifier-backticks-escaped")
@pytest.mark.parametrize("name", ["with space", "percent%20", "back`tick", "ünï"])
def test_folders_may_have_any_name(spark, tmp_path, name):
    store = Store(spark, str(tmp_path / name))
    store.prepare()
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    store.append(DOTS, dots(spark, ("b", 1.0, [])))
    assert store.read(DOTS).count() == 2
    assert len(list((tmp_path / name / "dots" / "_delta_log").glob("*.json"))) == 2


def test_rules_of_every_table_name_their_own_columns(spark):
    for table in schema.TABLES:
        conditions = " AND ".join(f"({condition})" for condition in table.constraints.values())
        assert spark.createDataFrame([], table.ddl).where(conditions).schema.names == table.names


def test_a_table_is_replaced_whole_in_one_commit_unless_another_run_was_faster(spark, store):
    store.replace(DOTS, dots(spark, ("a", 1.0, []), ("b", 2.0, [])))
    assert versions(store) == 0
    slower = Store(spark, store.root)
    slower.read(DOTS)
    store.replace(DOTS, dots(spark, ("b", 3.0, ["t"])))
    assert versions(store) == 1
    assert [tuple(row) for row in store.read(DOTS).collect()] == [("b", 3.0, ["t"])]
    with pytest.raises(ConflictError):
        slower.replace(DOTS, dots(spark, ("c", 1.0, [])))
    with pytest.raises(SchemaError):
        store.replace(DOTS, dots(spark).drop("x"))
    assert versions(store) == 1


@pytest.mark.guard("uncommitted-folder-rewritten")
@pytest.mark.parametrize("write", ["sync", "append", "replace"])
def test_what_a_run_left_that_died_before_its_first_commit_is_no_table(write, spark, store):
    folder = Path(store.root) / "dots"
    (folder / "_delta_log").mkdir(parents=True)
    (folder / "part-00000.snappy.parquet").write_bytes(b"half a file")
    getattr(store, write)(DOTS, dots(spark, ("a", 1.0, [])))
    assert DeltaTable(str(folder)).to_pandas().id.tolist() == ["a"]


@pytest.mark.parametrize(("max_bytes", "is_cached"), [(store_module.CACHED_MAX_BYTES, True), (1, False)])
def test_a_small_table_is_cached_until_its_stage_ends(spark, store, monkeypatch, max_bytes, is_cached):
    monkeypatch.setattr(store_module, "CACHED_MAX_BYTES", max_bytes)
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    with store.stage("outer"):
        with store.stage("inner"):
            rows = store.read(DOTS, cache=True)
        # the outermost stage releases it
        assert (rows.storageLevel.useMemory, store.read(DOTS).storageLevel.useMemory) == (is_cached, is_cached)
    assert not rows.storageLevel.useMemory
    assert not store.read(DOTS, cache=True).storageLevel.useMemory


def test_an_error_leaves_nothing_cached(spark, store):
    rows = dots(spark, ("a", 1.0, []))
    with pytest.raises(KeyError), store.stage("probe"):
        store.persist(rows)
        raise KeyError("x")
    assert not rows.storageLevel.useMemory


def test_spark_jobs_have_the_description_of_their_stage(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    key, context = "spark.job.description", spark.sparkContext
    with store.stage("label"):
        assert context.getLocalProperty(key) == "segue: label"
    assert context.getLocalProperty(key) is None


def test_a_table_is_read_by_its_name(spark, store):
    with pytest.raises(OutputError, match="no table 'trakcs', expected one of tracks, rejected_tracks"):
        store.read("trakcs")
    with pytest.raises(OutputError, match=r"has no table tracks; ingest_tracks.py writes it"):
        store.read("tracks")
