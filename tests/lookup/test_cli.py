"""The command ``segue``: what it prints, its exit codes, and that it needs no Spark."""

import json
import subprocess
import sys

import pytest
from tests.helpers import delta_tables

from segue import lookup, schema
from segue.lookup import cli, terminal


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return delta_tables.write(tmp_path_factory.mktemp("lookup"))


@pytest.fixture
def segue(root, capsys, monkeypatch):
    # whatever terminal the tests run in
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words, output=root):
        code = cli.main([*words, "--output", str(output)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_a_track_its_cluster_and_what_is_similar(segue):
    code, out, err = segue("similar", "t1")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == [
        "Bohemian Rhapsody",
        "  by Queen, on An Album, 1975, rock, 100 BPM",
        "  Cluster 1: calm, acoustic",
    ]
    assert lines[4].split() == ["distance", "title", "artist", "why"]
    assert lines[5].split(maxsplit=4) == ["1", "0.25", "Halo", "Beyoncé", "[2] both acoustic and calm, the same BPM"]
    assert lines[6].split(maxsplit=4) == ["2", "0.50", "Hello", "Adele", "the same BPM, within 0.3 in valence"]
    assert lines[-1] == "[n]: of another cluster, number n"


def test_json_says_the_same(segue):
    _, out, _ = segue("similar", "t1", "--json")
    answer = json.loads(out)
    assert answer["track"]["title"] == "Bohemian Rhapsody"
    assert [(near["track_id"], near["distance"], near["why"]) for near in answer["similar"]] == [
        (name, distance, why) for name, distance, _, why in delta_tables.SIMILAR["t1"]
    ]
    assert answer["candidates"] == answer["notes"] == []


def test_several_candidates_are_listed_and_picked_from(segue):
    code, out, _ = segue("similar", "hello")
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()[3:]] == [["1", "Hello", "Adele"], ["2", "Hello", "Lionel"]]
    assert segue("similar", "hello", "--pick", "2")[1].splitlines()[1].startswith("  by Lionel Richie")
    assert [one["track_id"] for one in json.loads(segue("similar", "hello", "--json")[1])["candidates"]] == ["t4", "t5"]
    code, _, err = segue("similar", "hello", "--pick", "3")
    assert (code, err) == (3, "error: there is no candidate 3 for 'hello', only 2\n")


def test_the_only_one_that_comes_near_is_shown_before_it_is_taken(segue):
    code, out, _ = segue("similar", "half beyond")
    assert code == 0
    assert out.splitlines()[0] == "no title is just that; the one that comes near is had by --pick 1:"
    assert out.splitlines()[3].split() == ["1", "Halo", "Beyoncé", "1975"]
    assert segue("similar", "half beyond", "--pick", "1")[1].splitlines()[0] == "Halo"


def test_nothing_found_says_so_and_exits_3(segue):
    code, out, err = segue("similar", "xyzzy plugh quux")
    assert (code, out) == (3, "")
    assert err.startswith("error: no title in ")
    assert err.endswith("comes near 'xyzzy plugh quux'; try fewer words, or another spelling\n")


def test_an_output_that_is_not_there(segue, tmp_path):
    for words in (["similar", "hello"], ["clusters"], ["runs"]):
        code, _, err = segue(*words, output=tmp_path / "none")
        assert code == 3
        assert err.startswith(f"error: {tmp_path / 'none'} has no table ")
        assert len(err.splitlines()) == 1


def test_lists_that_are_older_than_the_labels_or_missing_are_told(segue, tmp_path):
    assert "newer than similar_tracks" in segue("similar", "群青")[1]
    delta_tables.write(tmp_path, tracks_version=7)
    assert (
        "note: the lists were made from version 7 of labeled_tracks, which is at 0"
        in segue("similar", "t1", output=tmp_path)[1]
    )


def test_clusters_are_those_of_the_model_that_labeled(segue):
    _, out, _ = segue("clusters")
    assert [line.split()[:5] for line in out.splitlines()[1:]] == [
        ["Cluster", "1", "1,000", "50%", "0.25"],
        ["Cluster", "2", "2,000", "50%", "0.25"],
    ]
    assert [row["cluster"] for row in json.loads(segue("clusters", "--json")[1])] == [1, 2]


def test_runs_are_in_order_of_time(segue):
    _, out, _ = segue("runs")
    first, second = out.splitlines()[1:]
    assert first.split() == [
        "2026-01-01",
        "00:00:00",
        "ingest_tracks",
        "done",
        "1.0",
        *["ingest:", "read", "1,200,", "added", "1,000"],
    ]
    assert second.split() == ["2026-01-02", "00:00:00", "label_tracks", "failed", "2.5", "no"]
    assert len(json.loads(segue("runs", "--last", "1", "--json")[1])) == 1


@pytest.mark.parametrize("words", [["similar"], ["nothing"], ["runs", "--last", "0"], []])
def test_a_wrong_command_line_exits_2_in_one_line(words, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([*words, "--output", "x"] if words else [])
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


@pytest.mark.guard("terminal-control-characters-removed")
def test_what_a_file_says_does_not_move_the_cursor(segue):
    _, out, _ = segue("similar", "t8")
    assert "\x1b" not in out


def test_tables_fit_their_width_in_every_script():
    lines = terminal.table(["a", "title"], [["1", "群青" * 30], ["22", "x" * 50]], 30, [1])
    assert max(map(terminal._width, lines)) <= 30
    assert lines[1].endswith("…")
    assert lines[2].startswith("22  xxxx")


def test_functions_give_plain_values(root):
    answer = lookup.similar(str(root), "t1")
    assert [near["title"] for near in answer.similar] == ["Halo", "Hello"]
    assert [row["cluster"] for row in lookup.clusters(str(root))] == [1, 2]
    first, second = lookup.runs(str(root))
    assert first["counts"]["ingest"]["read"] == 1200
    assert second["input"] == {}


def test_neither_spark_nor_pandas_is_loaded(tmp_path):
    rows = [delta_tables.labeled_track(0) | {"track_id": f"x{n}", "title": f"Song number {n}"} for n in range(2_000)]
    delta_tables.save(tmp_path, schema.LABELED_TRACKS, rows)
    near = [{"track_id": f"x{n}", "distance": 0.5, "same_cluster": True, "why": ["bpm", "energy"]} for n in range(10)]
    made = {"model_version": "m1", "tracks_version": 0, "made_from": "0", "similar": near}
    delta_tables.save(tmp_path, schema.SIMILAR_TRACKS, [{"track_id": row["track_id"], **made} for row in rows])
    for text, wanted in (("SONG NUMBER 1777", "Song number 1777"), ("sing numbr 1777", "1     Song number 1777")):
        code = (
            "import sys; from segue.lookup import cli; "
            f"code = cli.main(['similar', {text!r}, '--output', {str(tmp_path)!r}]); "
            "loaded = {name.split('.')[0] for name in sys.modules}; "
            "sys.exit(code or bool(loaded & {'pyspark', 'py4j', 'delta', 'pandas'}))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert any(line.startswith(wanted) for line in done.stdout.splitlines()), done.stdout
