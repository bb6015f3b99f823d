"""Tables read by queries: hostile names stay names, and what cannot be read is said."""

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
def test_ids_are_no_part_of_the_query(root):
    found = Tables(str(root))
    for name in HOSTILE:
        assert found.rows(schema.LABELED_TRACKS, [name], ["title"]) == {
            name: {"track_id": name, "title": f"title of {name}"}
        }
    assert found.rows(schema.LABELED_TRACKS, [*HOSTILE, "nobody"], []).keys() == set(HOSTILE)
    assert found.rows(schema.LABELED_TRACKS, [], ["title"]) == {}


@pytest.mark.guard("lookup-columns-quoted")
def test_a_columns_name_is_no_part_of_the_query_either(tmp_path):
    write_deltalake(str(tmp_path / "runs"), pa.table({'a"b': ["x"], "c": ["y"]}))
    found = Tables(str(tmp_path)).read(schema.RUNS, ['a"b', "c"], 'a"b')
    assert found.to_pylist() == [{'a"b': "x", "c": "y"}]


def test_rows_are_in_the_order_wanted(root):
    ids = (
        Tables(str(root)).read(schema.LABELED_TRACKS, ["title", "track_id"], "track_id").column("track_id").to_pylist()
    )
    assert ids == sorted(HOSTILE, key=str.encode)


def test_a_column_that_is_not_there_is_named_with_the_way_out(root):
    with pytest.raises(OutputError, match=r"labeled_tracks in .* has no \"; --; run_pipeline.py .* upgrades it"):
        Tables(str(root)).read(schema.LABELED_TRACKS, ["title", '"; --'])


def test_a_table_whose_files_are_gone_or_broken_is_named(root):
    (path,) = (root / "labeled_tracks").glob("*.parquet")
    found = Tables(str(root))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(OutputError, match=f"cannot read labeled_tracks in {root}"):
        found.read(schema.LABELED_TRACKS, ["title"])
    path.unlink()
    with pytest.raises(OutputError, match=f"cannot read labeled_tracks in {root}"):
        found.rows(schema.LABELED_TRACKS, ["it's"], ["title"])


def test_the_version_that_was_there_first_is_read_to_the_end(root):
    found = Tables(str(root))
    assert found.version(schema.LABELED_TRACKS) == 0
    DeltaTable(str(root / "labeled_tracks")).delete()
    assert len(found.read(schema.LABELED_TRACKS, ["title"])) == len(HOSTILE)
    assert len(Tables(str(root)).read(schema.LABELED_TRACKS, ["title"])) == 0
