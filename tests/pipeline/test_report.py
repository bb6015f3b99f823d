"""The report stage: tables it reads, when it renders again, refused input, and a hostile catalogue."""

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
from segue.storage.files import Files

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
        hostile = HOSTILE[i % len(HOSTILE)] if i % 3 == 0 else None
        middle = (0.15, 0.5, 0.85)[i % 3]
        numbers = [round(min(1, max(0, draw.gauss(middle, 0.05))), 4) for _ in range(6)]
        texts = [
            f"id{i}",
            f"{hostile} {i}" if hostile else f"Song {i}",
            hostile or f"Artist {i % 9}",
            hostile or ("rock", "pop")[i % 2],
        ]
        yield [*texts, 1980 + i % 30, i, 60 + round(100 * middle) + i % 7, round(-20 * middle, 1), *numbers]


def words(root):
    """Return the command line options of every job here."""
    return ["--output", str(root), "--set", "clustering.ks=2-4", "--set", "selection.min_k=2"]


@pytest.fixture(scope="module")
def root(spark, tmp_path_factory):
    """The output of a pipeline run on a hostile catalogue, whose report no test may change."""
    folder = tmp_path_factory.mktemp("report")
    with (folder / "tracks.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows()])
    argv = ["--input", str(folder / "tracks.csv"), *words(folder / "out")]
    assert runner.execute(run_all.JOB, argv, start=lambda _: spark) == 0
    return folder / "out"


def text(root):
    """Return the text of report.html."""
    return (root / "report.html").read_text("utf-8")


def block(root, name):
    """Return the JSON content of one element of report.html."""
    start = text(root).index(f'id="{name}">') + len(f'id="{name}">')
    return json.loads(text(root)[start : text(root).index("</script>", start)])


def test_page_shows_the_content_of_the_tables(root):
    html = text(root)
    assert "Three ways your catalogue sounds" in html
    assert "<b>90</b> tracks" in html
    sizes = DeltaTable(str(root / "labeled_tracks")).to_pandas().cluster.value_counts().sort_index()
    drawn = [len(trace["x"]) for trace in block(root, "figure-cluster_map")["data"]]
    assert drawn == sizes.tolist()
    lists = DeltaTable(str(root / "similar_tracks")).to_pandas().set_index("track_id").similar
    first = block(root, "data-page")["similar"][0]
    assert len(first["neighbours"]) == len(lists.iloc[0]) == 10


def test_catalogue_texts_are_escaped(root):
    html = text(root).replace(get_plotlyjs(), "")
    for raw in ("<script>alert(1)", "<img src=x", "<b>x</b>"):
        assert raw not in html
    assert "{{7*7}}" in html
    hovers = [text for trace in block(root, "figure-cluster_map")["data"] for text in trace["text"]]
    assert any("&lt;b&gt;x&lt;/b&gt;" in text for text in hovers)
    assert not any(re.search("<(?!br>)", text) for text in hovers)
    assert html.count("<script") == html.count("</script>")
    assert "x" * 200 not in html


def test_unchanged_tables_are_not_rendered_again(root, run_job, monkeypatch):
    before = text(root)
    monkeypatch.setattr(report, "collect_report_numbers", None)  # must not be reached
    assert run_job(report.JOB, *words(root)) == 0
    assert text(root) == before


@pytest.mark.parametrize("content", [None, "", '{"figures": {}, "numbers": {}, "origin": "00ff"}'])
def test_missing_or_older_report_json_is_written_again(root, run_job, tmp_path, content):
    copied = shutil.copytree(root, tmp_path / "out")
    expected, path = (root / "report.json").read_text("utf-8"), copied / "report.json"
    path.unlink() if content is None else path.write_text(content, "utf-8")
    assert run_job(report.JOB, *words(copied)) == 0
    assert path.read_text("utf-8") == expected
    assert text(copied) == text(root)


def test_report_json_is_written_before_the_page(root, run_job, tmp_path, monkeypatch):
    copied, written = shutil.copytree(root, tmp_path / "out"), []
    monkeypatch.setattr(Files, "write_text", lambda _, uri, __: written.append(uri.rsplit("/", 1)[1]))
    assert run_job(report.JOB, *words(copied), "--set", "report.searchable=4") == 0
    assert [name for name in written if name.startswith("report.")] == ["report.json", "report.html"]


def test_report_json_holds_the_numbers_and_figures_of_the_page(root):
    content = json.loads((root / "report.json").read_text("utf-8"))
    assert content["numbers"]["n_tracks"] == 90
    assert content["origin"] == page.origin_of(text(root))
    assert sorted(lookup.figures(str(root))) == sorted(re.findall(r'id="figure-(\w+)"', text(root)))
    assert content["figures"]["cluster_map"] == block(root, "figure-cluster_map")


def test_changed_setting_renders_again(root, run_job, tmp_path):
    copied, n_typical = shutil.copytree(root, tmp_path / "out"), 15
    before = len(block(root, "data-page")["similar"])
    assert run_job(report.JOB, *words(copied), "--set", "report.searchable=5") == 0
    assert len(block(copied, "data-page")["similar"]) <= 5 + n_typical < before


def test_lists_older_than_the_labels_are_left_out(spark, root, run_job, tmp_path, caplog):
    copied = shutil.copytree(root, tmp_path / "out")
    path = str(copied / "labeled_tracks")
    spark.read.format("delta").load(path).limit(1).write.format("delta").mode("append").save(path)
    assert run_job(report.JOB, *words(copied)) == 0
    assert 'id="next"' not in text(copied)
    assert "similar_tracks is older than the labels" in caplog.text


def test_origin_is_read_from_pages_of_segue_only():
    assert page.origin_of("<html>") is None
    assert page.origin_of('<meta name="segue-made-from" content="00ff">') == "00ff"


def test_output_without_labels_is_refused(run_job, tmp_path, capsys):
    assert run_job(report.JOB, "--output", tmp_path / "none") == 3
    assert "has no table labeled_tracks; label_tracks.py writes it" in capsys.readouterr().err
