"""The report as a stage: what it reads, when it renders anew, what is refused, and hostile catalogues."""

import csv
import json
import random
import re
import shutil

import pytest
from deltalake import DeltaTable
from plotly.offline import get_plotlyjs

from segue import lookup
from segue.pipeline import report, run_all
from segue.report import page
from segue.runtime import runner

HEADER = ["id", "name", "artists", "genre", "year", "popularity", "tempo", "loudness", "energy", "danceability"]


HEADER += ["liveness", "valence", "acousticness", "speechiness"]
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<b>x</b>",
    "{{7*7}}",
    "שלום \u202e עולם",
    "😀" * 20,
    "x" * 2000,
    "%{customdata} &lt; \u2028",
]


def rows(n=90):
    draw = random.Random(1)
    for i in range(n):
        odd = HOSTILE[i % len(HOSTILE)] if i % 3 == 0 else None
        middle = (0.15, 0.5, 0.85)[i % 3]
        numbers = [round(min(1, max(0, draw.gauss(middle, 0.05))), 4) for _ in range(6)]
        texts = [
            f"id{i}",
            f"{odd} {i}" if odd else f"Song {i}",
            odd or f"Artist {i % 9}",
            odd or ("rock", "pop")[i % 2],
        ]
        yield [*texts, 1980 + i % 30, i, 60 + round(100 * middle) + i % 7, round(-20 * middle, 1), *numbers]


def words(root):
    return ["--output", str(root), "--set", "clustering.ks=2-4", "--set", "selection.min_k=2"]


@pytest.fixture(scope="module")
def root(spark, tmp_path_factory):
    """What a pipeline leaves of a hostile catalogue."""
    folder = tmp_path_factory.mktemp("report")
    with (folder / "tracks.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows()])
    argv = ["--input", str(folder / "tracks.csv"), *words(folder / "out")]
    assert runner.execute(run_all.JOB, argv, start=lambda _: spark) == 0
    return folder / "out"


def text(root):
    return (root / "report.html").read_text("utf-8")


def block(root, name):
    start = text(root).index(f'id="{name}">') + len(f'id="{name}">')
    return json.loads(text(root)[start : text(root).index("</script>", start)])


def test_the_page_shows_what_the_tables_hold(root):
    found = text(root)
    assert "Three ways your catalogue sounds" in found
    assert "<b>90</b> tracks" in found
    sizes = DeltaTable(str(root / "labeled_tracks")).to_pandas().cluster.value_counts().sort_index()
    drawn = [len(trace["x"]) for trace in block(root, "figure-cluster_map")["data"]]
    assert drawn == sizes.tolist()
    lists = DeltaTable(str(root / "similar_tracks")).to_pandas().set_index("track_id").similar
    one = block(root, "data-page")["similar"][0]
    assert len(one["neighbours"]) == len(lists.iloc[0]) == 10


def test_nothing_of_the_catalogue_is_code(root):
    found = text(root).replace(get_plotlyjs(), "")
    for raw in ("<script>alert(1)", "<img src=x", "<b>x</b>"):
        assert raw not in found
    assert "{{7*7}}" in found
    hovers = [text for trace in block(root, "figure-cluster_map")["data"] for text in trace["text"]]
    assert any("&lt;b&gt;x&lt;/b&gt;" in text for text in hovers)
    assert not any(re.search("<(?!br>)", text) for text in hovers)
    assert found.count("<script") == found.count("</script>")
    assert "x" * 200 not in found


def test_the_same_tables_are_not_rendered_again(root, run_job, monkeypatch):
    before = text(root)
    monkeypatch.setattr(report, "collect_report_numbers", None)  # must not be reached
    assert run_job(report.JOB, *words(root)) == 0
    assert text(root) == before


@pytest.mark.parametrize("left", [None, "", '{"figures": {}, "numbers": {}, "origin": "00ff"}'])
def test_a_missing_or_older_report_json_is_written_again(root, run_job, tmp_path, left):
    copied = shutil.copytree(root, tmp_path / "out")
    expected, path = (root / "report.json").read_text("utf-8"), copied / "report.json"
    path.unlink() if left is None else path.write_text(left, "utf-8")
    assert run_job(report.JOB, *words(copied)) == 0
    assert path.read_text("utf-8") == expected
    assert text(copied) == text(root)


def test_report_json_is_written_before_the_page(root, run_job, tmp_path, monkeypatch):
    copied, written = shutil.copytree(root, tmp_path / "out"), []
    monkeypatch.setattr(report.files, "write_text", lambda uri, _: written.append(uri.rsplit("/", 1)[1]))
    assert run_job(report.JOB, *words(copied), "--set", "report.searchable=4") == 0
    assert [name for name in written if name.startswith("report.")] == ["report.json", "report.html"]


def test_report_json_holds_the_numbers_and_figures_of_the_page(root):
    content = json.loads((root / "report.json").read_text("utf-8"))
    assert content["numbers"]["n_tracks"] == 90
    assert content["origin"] == page.origin_of(text(root))
    assert sorted(lookup.figures(str(root))) == sorted(re.findall(r'id="figure-(\w+)"', text(root)))
    assert content["figures"]["cluster_map"] == block(root, "figure-cluster_map")


def test_another_setting_is(root, run_job):
    before, typical = len(block(root, "data-page")["similar"]), 15
    assert run_job(report.JOB, *words(root), "--set", "report.searchable=5") == 0
    assert len(block(root, "data-page")["similar"]) <= 5 + typical < before


def test_lists_that_are_older_than_the_labels_are_left_out(spark, root, run_job, tmp_path, caplog):
    copied = shutil.copytree(root, tmp_path / "out")
    path = str(copied / "labeled_tracks")
    spark.read.format("delta").load(path).limit(1).write.format("delta").mode("append").save(path)
    assert run_job(report.JOB, *words(copied)) == 0
    assert 'id="next"' not in text(copied)
    assert "similar_tracks is older than the labels" in caplog.text


def test_what_is_no_page_of_ours_has_no_origin():
    assert page.origin_of("<html>") is None
    assert page.origin_of('<meta name="segue-made-from" content="00ff">') == "00ff"


def test_without_labels_there_is_nothing_to_report(run_job, tmp_path, capsys):
    assert run_job(report.JOB, "--output", tmp_path / "none") == 3
    assert "has no table labeled_tracks; label_tracks.py writes it" in capsys.readouterr().err
