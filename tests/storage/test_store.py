"""The store: one commit per change, none without changes, and refused writes that change nothing."""

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
        schema.Column("id", "string", "id of the dot"),
        schema.Column("x", "double", "position in metres", required=False),
        schema.Column("tags", "array<string>", "its names"),
    ),
    (("x_positive", "x IS NULL OR x >= 0"),),
)


@pytest.fixture
def store(spark, tmp_path):
    return Store(spark, str(tmp_path / "out"))


def dots(spark, *rows):
    return spark.createDataFrame(list(rows), DOTS.ddl)


def version(store):
    """Return the latest version of the table."""
    return DeltaTable(f"{store.root}/dots").version()


def test_new_table_is_one_commit_with_comments_and_constraints(spark, store):
    assert store.sync(DOTS, dots(spark, ("a", 1.0, ["t"]))) == ChangeCounts(added=1)
    table = DeltaTable(f"{store.root}/dots")
    assert table.version() == 0
    assert table.protocol().min_reader_version == 1
    comments = {field.name: field.metadata["comment"] for field in table.schema().fields}
    assert comments == {"id": "id of the dot", "x": "position in metres", "tags": "its names"}
    assert table.metadata().configuration["delta.constraints.x_positive"] == "x IS NULL OR x >= 0"
    assert table.to_pandas().to_dict("records")[0]["x"] == 1.0


@pytest.mark.guard("unchanged-rows-not-committed")
def test_unchanged_rows_make_no_commit(spark, store):
    rows = dots(spark, ("a", None, ["t", "u"]), ("b", 2.0, []))
    store.sync(DOTS, rows)
    assert store.sync(DOTS, rows, remove_missing=True) == ChangeCounts()
    assert store.sync(DOTS, rows.where("id = 'b'")) == ChangeCounts()
    assert version(store) == 0


def test_rows_are_added_and_updated_by_key(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, []), ("b", 2.0, []), ("c", None, ["t"])))
    assert store.sync(DOTS, dots(spark, ("b", None, []), ("d", 4.0, ["u"]))) == ChangeCounts(added=1, updated=1)
    expected = dots(spark, ("a", 1.0, []), ("b", None, []), ("c", None, ["t"]), ("d", 4.0, ["u"]))
    assert_df_equality(store.read(DOTS), expected, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)
    assert version(store) == 1


@pytest.mark.parametrize("n_left", [3, 1])  # one change is merged; for three of four rows the table is rewritten
def test_missing_rows_are_removed_in_one_commit(spark, store, n_left):
    rows = dots(spark, ("a", 1.0, []), ("b", 2.0, []), ("c", 3.0, []), ("d", 4.0, []))
    store.sync(DOTS, rows)
    left = rows.orderBy("id").limit(n_left)
    assert store.sync(DOTS, left, remove_missing=True) == ChangeCounts(removed=4 - n_left)
    assert_df_equality(store.read(DOTS), left, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)
    assert version(store) == 1


@pytest.mark.guard("nan-equals-nan")
def test_rows_of_the_driver_are_compared_and_upserted(spark, store):
    first = [{"id": "a", "x": float("nan"), "tags": ["t"]}, {"id": "b", "tags": []}, {"id": "c", "x": 3, "tags": []}]
    assert store.sync_local(DOTS, first) == ChangeCounts(added=3)
    assert store.sync_local(DOTS, first, remove_missing=True) == store.sync_local(DOTS, first[1:]) == ChangeCounts()
    assert version(store) == 0
    second = [{"id": "b", "x": 2.0, "tags": []}, {"id": "c", "x": 3.0, "tags": ["u"]}, {"id": "d", "tags": []}]
    assert store.sync_local(DOTS, second) == ChangeCounts(added=1, updated=2)
    assert store.sync_local(DOTS, second, remove_missing=True) == ChangeCounts(removed=1)
    assert version(store) == 2
    expected = dots(spark, ("b", 2.0, []), ("c", 3.0, ["u"]), ("d", None, []))
    assert_df_equality(store.read(DOTS), expected, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)


def test_table_id_changes_only_with_a_rewrite(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    before = store.table_id(DOTS)
    assert before == DeltaTable(f"{store.root}/dots").metadata().id
    store.sync(DOTS, dots(spark, ("b", 1.0, [])))
    assert store.table_id(DOTS) == before
    store.sync(DOTS, dots(spark, ("c", 1.0, []), ("d", 2.0, [])), remove_missing=True)
    assert before != store.table_id(DOTS) == DeltaTable(f"{store.root}/dots").metadata().id


def test_read_frame_does_not_change_with_later_writes(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    before = store.read(DOTS)
    store.sync(DOTS, dots(spark, ("b", 2.0, [])))
    assert before.count() == 1
    assert store.read(DOTS).count() == 2


@pytest.mark.guard("table-version-unchanged")
def test_write_after_a_concurrent_change_is_a_conflict(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    late, early = Store(spark, store.root), Store(spark, store.root)
    late.read(DOTS)
    early.sync(DOTS, dots(spark, ("b", 2.0, [])))
    with pytest.raises(ConflictError, match="another run changed dots at the same time"):
        late.sync(DOTS, dots(spark, ("b", 3.0, [])))
    assert version(store) == 1
    expected = dots(spark, ("a", 1.0, []), ("b", 2.0, []))
    rows = Store(spark, store.root).read(DOTS)
    assert_df_equality(rows, expected, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)


@pytest.mark.guard("concurrent-create-detected")
def test_concurrent_creation_of_a_table_is_a_conflict(spark, store, monkeypatch):
    late = Store(spark, store.root)
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    first = iter([False])  # as if the first check came before the other store created the table
    monkeypatch.setattr(late, "exists", lambda table: next(first, True))
    with pytest.raises(ConflictError):
        late.sync(DOTS, dots(spark, ("b", 2.0, [])))
    late.append(DOTS, dots(spark, ("c", 3.0, [])))
    expected = dots(spark, ("a", 1.0, []), ("c", 3.0, []))
    rows = Store(spark, store.root).read(DOTS)
    assert_df_equality(rows, expected, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)


def test_violated_constraint_refuses_the_whole_write(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    with pytest.raises(Exception, match="x_positive"):
        store.sync(DOTS, dots(spark, ("b", 2.0, []), ("c", -1.0, [])))
    assert version(store) == 0


def test_all_differences_of_columns_are_one_error(spark, store):
    wrong = dots(spark, ("a", 1.0, [])).withColumn("x", F.lit("1")).drop("tags").withColumn("y", F.lit(1))
    with pytest.raises(SchemaError, match="missing: tags; not declared: y; wrong type: x "):
        store.sync(DOTS, wrong)
    assert not store.exists(DOTS)


@pytest.mark.guard("newer-table-refused")
def test_table_of_a_newer_segue_is_refused(spark, store):
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    newer = schema.SCHEMA_VERSION + 1
    spark.sql(f"ALTER TABLE delta.`{store.path(DOTS)}` SET TBLPROPERTIES ('segue.schema' = '{newer}')")
    with pytest.raises(OutputError, match=f"newer segue .schema {newer}, this one reads up to {schema.SCHEMA_VERSION}"):
        store.read(DOTS)


def test_missing_table_is_reported_with_the_job_that_writes_it(store):
    with pytest.raises(OutputError, match="no table tracks; ingest_tracks"):
        store.read(schema.TRACKS)


@pytest.mark.guard("foreign-folder-refused")
def test_folder_of_other_files_is_refused_and_unchanged(spark, tmp_path):
    (tmp_path / "models").mkdir()  # an output has such a folder too, but also tables
    with pytest.raises(OutputError, match="contains other files"):
        Store(spark, str(tmp_path)).prepare()
    assert [entry.name for entry in tmp_path.iterdir()] == ["models"]


def test_output_at_or_below_a_file_is_refused(spark, tmp_path):
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(OutputError):
            Store(spark, str(root)).prepare()


@pytest.mark.guard("sql-identifier-backticks-escaped")
@pytest.mark.parametrize("name", ["with space", "percent%20", "back`tick", "ünï"])
def test_output_may_have_special_characters_in_its_name(spark, tmp_path, name):
    store = Store(spark, str(tmp_path / name))
    store.prepare()
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    store.append(DOTS, dots(spark, ("b", 1.0, [])))
    assert store.read(DOTS).count() == 2
    assert len(list((tmp_path / name / "dots" / "_delta_log").glob("*.json"))) == 2


def test_constraints_use_columns_of_their_table(spark):
    for table in schema.TABLES:
        conditions = " AND ".join(f"({condition})" for condition in table.constraints.values())
        assert spark.createDataFrame([], table.ddl).where(conditions).schema.names == table.names


def test_replace_is_one_commit_or_a_conflict(spark, store):
    store.replace(DOTS, dots(spark, ("a", 1.0, []), ("b", 2.0, [])))
    assert version(store) == 0
    slower = Store(spark, store.root)
    slower.read(DOTS)
    store.replace(DOTS, dots(spark, ("b", 3.0, ["t"])))
    assert version(store) == 1
    assert [tuple(row) for row in store.read(DOTS).collect()] == [("b", 3.0, ["t"])]
    with pytest.raises(ConflictError):
        slower.replace(DOTS, dots(spark, ("c", 1.0, [])))
    with pytest.raises(SchemaError):
        store.replace(DOTS, dots(spark).drop("x"))
    assert version(store) == 1


@pytest.mark.guard("uncommitted-folder-rewritten")
@pytest.mark.parametrize("write", ["sync", "append", "replace"])
def test_folder_without_a_commit_is_not_a_table(write, spark, store):
    folder = Path(store.root) / "dots"
    (folder / "_delta_log").mkdir(parents=True)
    (folder / "part-00000.snappy.parquet").write_bytes(b"half a file")
    getattr(store, write)(DOTS, dots(spark, ("a", 1.0, [])))
    assert DeltaTable(str(folder)).to_pandas().id.tolist() == ["a"]


@pytest.mark.parametrize(("max_bytes", "is_cached"), [(store_module.CACHED_MAX_BYTES, True), (1, False)])
def test_small_table_is_cached_until_its_stage_ends(spark, store, monkeypatch, max_bytes, is_cached):
    monkeypatch.setattr(store_module, "CACHED_MAX_BYTES", max_bytes)
    store.sync(DOTS, dots(spark, ("a", 1.0, [])))
    with store.stage("outer"):
        with store.stage("inner"):
            rows = store.read(DOTS, cache=True)
        # only the outermost stage unpersists the table
        assert (rows.storageLevel.useMemory, store.read(DOTS).storageLevel.useMemory) == (is_cached, is_cached)
    assert not rows.storageLevel.useMemory
    assert not store.read(DOTS, cache=True).storageLevel.useMemory


def test_error_leaves_nothing_cached(spark, store):
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


def test_table_is_read_by_its_name(spark, store):
    with pytest.raises(OutputError, match="no table 'trakcs', expected one of tracks, rejected_tracks"):
        store.read("trakcs")
    with pytest.raises(OutputError, match=r"has no table tracks; ingest_tracks.py writes it"):
        store.read("tracks")
