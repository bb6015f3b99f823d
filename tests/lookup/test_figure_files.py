"""A figure of the report on its own."""

import json
import os
import shutil

import plotly.graph_objects as go
import pytest

from segue import lookup
from segue.errors import InputError, OutputError
from segue.lookup import cli, figure_files
from segue.report import figures

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def root(tmp_path):
    drawn = {
        "genres": figures.ranking(["rock", "</b>pop"], [3, 2], what="tracks"),
        "k": figures.silhouettes([1], [0.5]),
    }
    blocks = [
        f'<script type="application/json" id="figure-{name}">{one.to_json().replace("<", chr(92) + "u003c")}</script>'
        for name, one in drawn.items()
    ]
    (tmp_path / "report.html").write_text("<html>" + "\n".join(blocks) + "</html>", "utf-8")
    return tmp_path


def test_a_figure_is_what_the_page_draws(root):
    assert list(lookup.figures(str(root))) == ["genres", "k"]
    found = lookup.figure(f"{root}/", "genres")
    assert (list(found.data[0].x), found.data[0].customdata[0]) == ([2, 3], "&lt;/b&gt;pop")


def test_names_are_listed_and_a_wrong_one_is_told(root, capsys):
    assert cli.main(["figure", "--output", str(root)]) == 0
    assert capsys.readouterr().out.split() == ["genres", "k"]
    assert cli.main(["figure", "genre", "--png", "--output", str(root)]) == 3
    assert capsys.readouterr().err == "error: the report has no figure 'genre'; it has genres, k\n"
    assert cli.main(["figure", "k", "--json", "--output", str(root)]) == 0
    assert json.loads(capsys.readouterr().out)["data"][0]["y"] == [0.5]


def test_without_a_report_there_is_no_figure(tmp_path):
    with pytest.raises(OutputError, match=r"has no report.html; render_report.py makes it"):
        lookup.figure(str(tmp_path), "k")


@pytest.mark.browser
@pytest.mark.skipif(
    not os.environ.get("CI") and not any(map(shutil.which, NAMES)), reason="pictures are drawn by a Chromium or Chrome"
)
def test_pictures_of_a_figure(root, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["figure", "k", "--output", str(root), "--png", "--svg", "k of mine.svg"]) == 0
    assert capsys.readouterr().out.splitlines() == ["wrote k.png", "wrote k of mine.svg"]
    assert (tmp_path / "k.png").read_bytes().startswith(PNG)
    assert (tmp_path / "k of mine.svg").read_text("utf-8").startswith("<svg")
    with pytest.raises(OutputError, match=r"cannot write none/k\.png"):
        figure_files.figure_image(str(root), "k", "none/k.png", "png")


def test_what_cannot_be_drawn_says_what_it_takes(root, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("no browser\n\nhere")

    monkeypatch.setattr(go.Figure, "write_image", fails)
    with pytest.raises(InputError, match=r"k cannot be drawn: no browser here; it takes pip install "):
        figure_files.figure_image(str(root), "k", "k.png", "png")
