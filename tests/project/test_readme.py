"""The README's Python and the examples run as they are printed."""

import re
import runpy
from pathlib import Path

import pytest

from segue.synthetic import synthetic_kaggle_rows, write_csv

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def catalogue(spark, tmp_path, monkeypatch):
    """A folder with ``catalogue.csv``, which is the current one."""
    write_csv(synthetic_kaggle_rows(spark, 400), tmp_path / "catalogue.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_of_the_readme_runs(catalogue, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text("utf-8"), re.DOTALL)
    exec(code, {})
    printed = capsys.readouterr().out
    assert "silhouette" in printed
    assert "'added': 39" in printed
    assert (catalogue / "out" / "mine" / "report.html").exists()


def test_the_examples_run(catalogue, capsys, monkeypatch):
    for name, words in (("cluster_a_file", ["catalogue.csv"]), ("kmeans_grid", [])):
        monkeypatch.setattr("sys.argv", [name, *words])
        runpy.run_path(str(PROJECT / "examples" / f"{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "Most similar to" in printed
    assert "k = 3: silhouette 0.9" in printed


def test_every_relative_link_of_the_pages_exists():
    pages = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *(PROJECT / "docs").glob("*.md")]
    broken = [
        f"{page.name}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if not (page.parent / link).exists()
    ]
    assert broken == []
