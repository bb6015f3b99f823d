"""Tables read by SQL: hostile ids and columns are quoted, and unreadable tables are reported."""

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from tests.helpers import delta_tables

from segue import schema
from segue.errors import OutputError
from segue.lookup.reading import Tables

HOSTILE = ["it's", "'' OR 1=1 --", 'a"b', "\\'", "two\nlines", "$1", "?", "; DROP TABLE labeled_tracks"]


@pytest.fixture
def root(tmp_path):
    rows = [delta_tables.labeled_track(0) | {"track_id": name, "title": f"title of {name}"} for name in HOSTILE]
    delta_tables.save(tmp_path, schema.LABELED_TRACKS, rows)
    return tmp_path


@pytest.mark.guard("lookup-ids-quoted")
def test_ids_are_quoted(root):
    tables = Tables(str(root))
    for name in HOSTILE:
        assert tables.rows(schema.LABELED_TRACKS, [name], ["title"]) == {
            name: {"track_id": name, "title": f"title of {name}"}
        }
    assert tables.rows(schema.LABELED_TRACKS, [*HOSTILE, "nobody"], []).keys() == set(HOSTILE)
    assert tables.rows(schema.LABELED_TRACKS, [], ["title"]) == {}


@pytest.mark.guard("lookup-columns-quoted")
def test_column_names_are_quoted(tmp_path):
    write_deltalake(str(tmp_path / "runs"), pa.table({'a"b': ["x"], "c": ["y"]}))
    rows = Tables(str(tmp_path)).read(schema.RUNS, ['a"b', "c"], 'a"b')
    assert rows.to_pylist() == [{'a"b': "x", "c": "y"}]


def test_rows_are_sorted_by_a_column(root):
    ids = (
        Tables(str(root)).read(schema.LABELED_TRACKS, ["title", "track_id"], "track_id").column("track_id").to_pylist()
    )
    assert ids == sorted(HOSTILE, key=str.encode)


def test_a_missing_column_is_reported(root):
    with pytest.raises(
        OutputError, match=r"labeled_tracks in .* has no column \"; --; run_pipeline.py .* upgrades the table"
    ):
        Tables(str(root)).read(schema.LABELED_TRACKS, ["title", '"; --'])


def test_columns_that_an_earlier_version_lacks(tmp_path):
    write_deltalake(str(tmp_path / "labeled_tracks"), pa.table({"track_id": ["x"], "key": [1]}))
    assert Tables(str(tmp_path)).stored(schema.LABELED_TRACKS, ["mode", "key"]) == ["key"]


def test_missing_and_truncated_files_are_reported(root):
    (path,) = (root / "labeled_tracks").glob("*.parquet")
    tables = Tables(str(root))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(OutputError, match=f"cannot read labeled_tracks in {root}"):
        tables.read(schema.LABELED_TRACKS, ["title"])
    path.unlink()
    with pytest.raises(OutputError, match=f"cannot read labeled_tracks in {root}"):
        tables.rows(schema.LABELED_TRACKS, ["it's"], ["title"])


def test_all_reads_are_of_the_version_of_the_first(root):
    tables = Tables(str(root))
    assert tables.version(schema.LABELED_TRACKS) == 0
    DeltaTable(str(root / "labeled_tracks")).delete()
    assert len(tables.read(schema.LABELED_TRACKS, ["title"])) == len(HOSTILE)
    assert len(Tables(str(root)).read(schema.LABELED_TRACKS, ["title"])) == 0
