"""The command ``segue``: its output, its exit codes, and the packages that it loads."""

import json
import subprocess
import sys

import pytest
from deltalake import DeltaTable
from tests.helpers import delta_tables

from segue import lookup, schema
from segue.lookup import cli


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return delta_tables.write(tmp_path_factory.mktemp("lookup"))


@pytest.fixture
def segue(root, capsys, monkeypatch):
    # independent of the terminal that the tests run in
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words, output=root):
        code = cli.main([*words, "--output", str(output)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_similar_prints_track_cluster_and_list(segue):
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
    assert lines[-1] == "[n]: in another cluster, number n"


def test_keys_are_shown_where_known(segue, tmp_path):
    delta_tables.write(tmp_path, keys={"t1": (9, 0), "t3": (4, 0)})
    lines = segue("similar", "t1", output=tmp_path)[1].splitlines()
    assert lines[1] == "  by Queen, on An Album, 1975, rock, 100 BPM, A minor (8A)"
    assert lines[4].split() == ["distance", "title", "artist", "key", "why"]
    assert lines[5].split(maxsplit=4)[4] == "E minor (9A)  [2] both acoustic and calm, the same BPM, keys 8A and 9A"
    assert lines[6].split(maxsplit=4)[4] == "the same BPM, within 0.3 in valence"
    answer = json.loads(segue("similar", "t1", "--json", output=tmp_path)[1])
    assert [track["key_name"] for track in (answer["track"], *answer["similar"])] == [
        "A minor (8A)",
        "E minor (9A)",
        "",
    ]


def test_similar_as_json(segue):
    _, out, _ = segue("similar", "t1", "--json")
    answer = json.loads(out)
    assert answer["track"]["title"] == "Bohemian Rhapsody"
    assert [(entry["track_id"], entry["distance"], entry["why"]) for entry in answer["similar"]] == [
        (track_id, distance, why) for track_id, distance, _, why in delta_tables.SIMILAR["t1"]
    ]
    assert answer["candidates"] == answer["notes"] == []


def test_candidates_are_listed_and_selected(segue):
    code, out, _ = segue("similar", "hello")
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()[3:]] == [["1", "Hello", "Adele"], ["2", "Hello", "Lionel"]]
    assert segue("similar", "hello", "--pick", "2")[1].splitlines()[1].startswith("  by Lionel Richie")
    assert [track["track_id"] for track in json.loads(segue("similar", "hello", "--json")[1])["candidates"]] == [
        "t4",
        "t5",
    ]
    code, _, err = segue("similar", "hello", "--pick", "3")
    assert (code, err) == (3, "error: --pick 3: expected 1 to 2, the candidates for 'hello'\n")


def test_a_single_inexact_match_has_to_be_selected(segue):
    code, out, _ = segue("similar", "half beyond")
    assert code == 0
    assert out.splitlines()[0] == "No exact match. Closest title (select it with --pick 1):"
    assert out.splitlines()[3].split() == ["1", "Halo", "Beyoncé", "1975"]
    assert segue("similar", "half beyond", "--pick", "1")[1].splitlines()[0] == "Halo"


def test_no_match_exits_3(segue):
    code, out, err = segue("similar", "xyzzy plugh quux")
    assert (code, out) == (3, "")
    assert err.startswith("error: no title in ")
    assert err.endswith("matches 'xyzzy plugh quux'; type fewer words, or another spelling\n")


def test_a_missing_output(segue, tmp_path):
    for words in (["similar", "hello"], ["clusters"], ["runs"]):
        code, _, err = segue(*words, output=tmp_path / "none")
        assert code == 3
        assert err.startswith(f"error: {tmp_path / 'none'} has no table ")
        assert len(err.splitlines()) == 1


def test_missing_or_older_lists_are_noted(segue, tmp_path):
    assert "note: similar_tracks has no list for this track; run recommend_tracks.py" in segue("similar", "群青")[1]
    delta_tables.write(tmp_path, tracks_version=7)
    assert (
        "note: the lists were made from version 7 of labeled_tracks, which is at version 0; run recommend_tracks.py"
        in segue("similar", "t1", output=tmp_path)[1]
    )


def test_lists_are_current_after_maintenance(segue, tmp_path):
    delta_tables.write(tmp_path, tracks_version=0)
    labels = DeltaTable(str(tmp_path / "labeled_tracks"))
    labels.alter.set_table_properties({"delta.deletedFileRetentionDuration": "interval 30 days"})
    assert "note:" not in segue("similar", "t1", output=tmp_path)[1]
    labels.update(updates={"title": "title"})
    assert "which is at version 2" in segue("similar", "t1", output=tmp_path)[1]


def test_clusters_of_the_model_that_labeled(segue):
    _, out, _ = segue("clusters")
    assert [line.split()[:5] for line in out.splitlines()[1:]] == [
        ["Cluster", "1", "1,000", "50%", "0.25"],
        ["Cluster", "2", "2,000", "50%", "0.25"],
    ]
    assert [row["cluster"] for row in json.loads(segue("clusters", "--json")[1])] == [1, 2]


def test_runs_by_start_time(segue):
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


@pytest.mark.parametrize("words", [["similar"], ["nothing"], ["runs", "--last", "0"], ["runs", "--last", "²"], []])
def test_a_wrong_command_line_exits_2(words, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([*words, "--output", "x"] if words else [])
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "_count" not in line


@pytest.mark.guard("terminal-control-characters-removed")
def test_control_characters_are_not_printed(segue):
    _, out, _ = segue("similar", "t8")
    assert "\x1b" not in out


def test_tables_fit_the_width_in_every_script():
    lines = cli.table(["a", "title"], [["1", "群青" * 30], ["22", "x" * 50]], 30, [1])
    # by hand: "22" and the gap take 4 columns and leave 26; a CJK character takes two
    assert lines == ["a   title", "1   " + "群青" * 6 + " …", "22  " + "x" * 25 + "…"]


def test_a_narrow_table_keeps_twelve_characters_of_a_column():
    assert cli.table(["n", "title", "m"], [["1000", "x" * 50, "2000"]], 10, [1])[1] == f"1000  {'x' * 11}…  2000"


@pytest.mark.parametrize("colour", ["1", None])
def test_markup_is_literal_and_output_has_no_colour(monkeypatch, colour):
    if colour:
        monkeypatch.setenv("FORCE_COLOR", colour)
    text = "[red]a[/red] :smile: [link=file:x]b"
    assert cli.table(["title"], [[text]], 100, [0]) == ["title", text]


def test_functions_return_plain_values(root):
    answer = lookup.similar(str(root), "t1")
    assert [track["title"] for track in answer.similar] == ["Halo", "Hello"]
    assert [row["cluster"] for row in lookup.clusters(str(root))] == [1, 2]
    first, second = lookup.runs(str(root))
    assert first["counts"]["ingest"]["read"] == 1200
    assert second["input"] == {}


def test_spark_and_pandas_are_not_loaded(tmp_path):
    rows = [delta_tables.labeled_track(0) | {"track_id": f"x{n}", "title": f"Song number {n}"} for n in range(2_000)]
    delta_tables.save(tmp_path, schema.LABELED_TRACKS, rows)
    entries = [
        {"track_id": f"x{n}", "distance": 0.5, "same_cluster": True, "why": ["bpm", "energy"]} for n in range(10)
    ]
    shared = {"model_version": "m1", "tracks_version": 0, "made_from": "0", "similar": entries}
    delta_tables.save(tmp_path, schema.SIMILAR_TRACKS, [{"track_id": row["track_id"], **shared} for row in rows])
    for text, start in (("SONG NUMBER 1777", "Song number 1777"), ("sing numbr 1777", "1     Song number 1777")):
        code = (
            "import sys; from segue.lookup import cli; "
            f"code = cli.main(['similar', {text!r}, '--output', {str(tmp_path)!r}]); "
            "loaded = {name.split('.')[0] for name in sys.modules}; "
            "sys.exit(code or bool(loaded & {'pyspark', 'py4j', 'delta', 'pandas'}))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert any(line.startswith(start) for line in done.stdout.splitlines()), done.stdout
