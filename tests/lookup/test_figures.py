"""Figures of the report on their own, read from ``report.json``."""

import json
import os
import shutil

import plotly.graph_objects as go
import pytest
from tests.report import report_numbers

from segue import lookup
from segue.errors import InputError, OutputError
from segue.lookup import answers, cli
from segue.report import page
from segue.report.page import page_figures

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def numbers():
    return report_numbers.full()


@pytest.fixture
def root(tmp_path, numbers):
    (tmp_path / "report.json").write_text(page.render_json(numbers, "0f3a5c"), "utf-8")
    return tmp_path


def test_figures_equal_those_of_the_page(root, numbers):
    drawn = page_figures(numbers)
    assert sorted(lookup.figures(str(root))) == sorted(drawn)
    assert {name: lookup.figure(f"{root}/", name) for name in drawn} == drawn


def test_names_are_listed(root, numbers, capsys):
    assert cli.main(["figure", "--output", str(root)]) == 0
    assert capsys.readouterr().out.split() == sorted(page_figures(numbers))
    assert cli.main(["figure", "silhouette_by_cluster", "--json", "--output", str(root)]) == 0
    assert json.loads(capsys.readouterr().out)["data"][0]["y"] == [0.41, 0.18, 0.07]


def test_an_unknown_name_is_reported(root, capsys):
    assert cli.main(["figure", "genre", "--png", "--output", str(root)]) == 3
    assert capsys.readouterr().err.startswith("error: the report has no figure 'genre'; it has artists, cluster_map, ")


@pytest.mark.parametrize("name", ["report.html", "other.json"])
def test_without_report_json_there_is_no_figure(tmp_path, name):
    (tmp_path / name).write_text("<html>", "utf-8")
    with pytest.raises(OutputError, match=r"has no report\.json, .*; run render_report\.py"):
        lookup.figure(str(tmp_path), "genres")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"figures": 1}', "null"])
def test_an_invalid_report_json_is_reported(tmp_path, text):
    (tmp_path / "report.json").write_text(text, "utf-8")
    with pytest.raises(OutputError, match=r"report\.json is not a report's JSON; delete it and run render_report\.py"):
        lookup.figures(str(tmp_path))


@pytest.mark.browser
@pytest.mark.skipif(
    not os.environ.get("CI") and not any(map(shutil.which, BROWSERS)), reason="pictures need a Chromium or Chrome"
)
def test_pictures_of_a_figure(root, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["figure", "genres", "--output", str(root), "--png", "--svg", "most frequent.svg"]) == 0
    assert capsys.readouterr().out.splitlines() == ["wrote genres.png", "wrote most frequent.svg"]
    assert (tmp_path / "genres.png").read_bytes().startswith(PNG)
    assert (tmp_path / "most frequent.svg").read_text("utf-8").startswith("<svg")
    with pytest.raises(OutputError, match=r"cannot write none/genres\.png"):
        answers.figure_image(str(root), "genres", "none/genres.png", "png")


def test_a_failing_browser_is_reported(root, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no browser\n\nhere")

    monkeypatch.setattr(go.Figure, "write_image", fail)
    with pytest.raises(InputError, match=r"cannot draw genres: no browser here; type pip install "):
        answers.figure_image(str(root), "genres", "genres.png", "png")
