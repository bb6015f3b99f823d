"""The documentation builds without warnings, needs no network, and lists everything that the code declares."""

import html
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from docs._ext import reference

import segue
from segue import schema
from segue.ingest.columns.sources import COLUMNS
from segue.runtime import runner
from segue.runtime.job import EXIT_CODES
from segue.settings import Settings

PROJECT = Path(__file__).parents[2]
BUILD = [sys.executable, "-m", "sphinx", "-b", "html", "-n", "-W", "--keep-going", "-q", "-j", "auto"]
LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]+)\"|<link\b[^>]*\bhref=\"([^\"]+)\"")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built pages."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [*BUILD, "-d", folder / "cache", PROJECT / "docs", folder / "html"],
        env=os.environ | {"JAVA_HOME": "/nowhere"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def words(site):
    """Return a function that returns the texts of code in a built page, each without spaces at its ends."""

    def words(page):
        text = (site / f"{page}.html").read_text("utf-8")
        marked = re.findall(r"<code[^>]*>(.*?)</code>", text, re.DOTALL)
        return {html.unescape(re.sub(r"<[^>]+>", "", code)).strip() for code in marked}

    return words


def test_every_setting_is_listed(words):
    names = {
        f"{section}.{key}" for section, field in Settings.model_fields.items() for key in field.annotation.model_fields
    }
    assert names - words("reference/settings") == set()


def test_every_table_and_column_is_listed(words):
    names = {name for table in schema.TABLES for name in (table.name, *table.names)}
    assert names - words("reference/tables") == set()


def test_every_job_and_option_is_listed(words):
    listed = " ".join(words("reference/jobs"))
    parsers = dict(reference.job_parsers())
    assert parsers.keys() == {path.stem for path in (PROJECT / "jobs").glob("*.py")}
    options = {option for parser in parsers.values() for option in re.findall(r"--[a-z-]{2,}", parser.format_help())}
    assert {"--dry-run", "--seeds", "--to"} < options
    assert {name for name in options - {"--help"} if f"{name} " not in f"{listed} "} == set()
    assert {name for name in parsers if f"jobs/{name}.py" not in listed} == set()


def test_every_exit_code_is_listed(site):
    text = (site / "reference" / "jobs.html").read_text("utf-8")
    returned = {runner.DONE, runner.FAILED, runner.WRONG_SETTINGS, runner.UNUSABLE, runner.CONFLICT}
    codes = returned | {128 + number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    assert codes == EXIT_CODES.keys()
    assert {code for code in codes if f"<p>{code}</p>" not in text} == set()


def test_every_lookup_is_listed(words):
    listed = " ".join(words("reference/command"))
    options = (
        "segue similar",
        "segue clusters",
        "segue runs",
        "segue figure",
        "--output",
        "--json",
        "--pick",
        "--last",
    )
    assert [name for name in options if name not in listed] == []


def test_every_name_of_the_package_is_listed(site):
    ids = set(re.findall(r' id="([^"]+)"', (site / "reference" / "python.html").read_text("utf-8")))
    names = {f"segue.{name}" for name in segue.__all__ if not name.startswith("_")}
    assert (
        names - ids - {f"module-{name}" for name in names} - {"segue.schema", "segue.errors", "segue.lookup"} == set()
    )
    assert {"module-segue.errors", "module-segue.lookup", "segue.errors.ConflictError", "segue.lookup.similar"} <= ids


def test_every_column_of_a_source_is_listed(words):
    assert set(COLUMNS) - words("reference/sources") == set()
    assert {"Beats Per Minute (BPM)", "kaggle-2000", "conf/sources/spanish.toml"} <= words("reference/sources")


def test_pages_load_nothing_from_other_hosts(site):
    loaded = {
        address
        for page in site.rglob("*.html")
        for pair in LOADED.findall(page.read_text("utf-8"))
        for address in pair
        if address
    }
    assert loaded and [address for address in loaded if re.match(r"(\w+:)?//", address)] == []
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)]*", styles) == []


def test_search_finds_a_setting(site):
    assert "min_k" in (site / "searchindex.js").read_text("utf-8")


def test_a_mark_is_replaced_by_its_list():
    table = "| feature | unit | range |\n| --- | --- | --- |\n| `bpm` | beats per minute | [1, 300] |\n"
    assert reference.with_lists("# A\n\n<!-- generated: features -->\n").startswith(f"# A\n\n{table}")
    with pytest.raises(KeyError):
        reference.with_lists("<!-- generated: unknown -->")


def test_text_of_the_code_is_escaped():
    assert reference._escaped("a_b *c* <d> | [e]") == r"a\_b \*c\* \<d\> \| \[e\]"
    assert reference._escaped("the table ``k_scores``, of x_y") == r"the table `k_scores`, of x\_y"


def links(text):
    """Return (path, anchor) of the relative links in a Markdown text."""
    return re.findall(r"\]\(([^)#:\s]*)(?:#([^)]*))?\)", text)


def anchors(text):
    """Return the anchors of the headings of a Markdown text, as code hosts make them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_relative_links_and_anchors_exist_outside_of_the_site_too():
    pages = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *(PROJECT / "docs").rglob("*.md")]
    broken = []
    for page in pages:
        for path, anchor in links(page.read_text("utf-8")):
            target = page.parent / path if path else page
            text = target.read_text("utf-8") if target.suffix == ".md" and target.exists() else ""
            if not target.exists() or (anchor and anchor not in anchors(text)):
                broken.append(f"{page.name}: {path}#{anchor}")
    assert broken == []


def test_setting_has_its_meaning_default_and_allowed_values():
    listed = reference.settings()
    assert (
        '`clustering.engine`\n: "fused": every k in the same passes over the tracks; "spark-ml": pyspark.ml KMeans, '
        'k by k.\n: *Default:* `"fused"`. *Expected:* `"fused"`, `"spark-ml"`.\n'
    ) in listed
    assert "\n: *Default:* `8`. *Expected:* a whole number of at least 2.\n" in listed
    assert "\n: *Default:* none. *Expected:* a whole number, 2 to 1000. Example: `10`.\n" in listed


def test_description_that_begins_after_a_name_is_one_paragraph():
    lines = [
        "ks : numbers of clusters, such as",
        "    ``range(2, 13)``",
        "pipeline : PipelineModel",
        "    Stages of it.",
    ]
    assert reference.joined_parameters(lines) == [
        "ks",
        "    numbers of clusters, such as ``range(2, 13)``",
        "pipeline : PipelineModel",
        "    Stages of it.",
    ]
