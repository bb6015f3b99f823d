"""Texts that would be code elsewhere: the page's elements are its own, and the texts are read as they are."""

import pytest
from tests.report import hostile_numbers, report_numbers
from tests.report.page_reader import Page

from segue.report import page


@pytest.fixture(scope="module")
def text():
    return page.render(hostile_numbers.tables(), "0f3a5c")


@pytest.fixture(scope="module")
def made(text):
    return Page(text)


def test_the_page_can_be_written_and_holds_nothing_that_cannot_be_seen(text):
    text.encode("utf-8")
    before_scripts = text.split("<script>")[0]
    assert not set("\u202e\u200b\ufeff\u2028\u2029\0\x07\x1b") & set(before_scripts)


@pytest.mark.guard("page-texts-escaped", "page-data-escaped")
def test_the_page_is_made_of_the_same_elements(made):
    full = Page(page.render(report_numbers.tables(), "0f3a5c"))
    assert {one.tag for one in made.elements} <= {one.tag for one in full.elements}
    assert {name for one in made.elements for name in one.attributes} <= {
        name for one in full.elements for name in one.attributes
    }
    assert len(made.all("script")) == len(full.all("script"))
    assert made.scripts == full.scripts
    assert [one["href"] for one in made.all("a", "link")] == [one["href"] for one in full.all("a", "link")]


def test_texts_are_read_as_they_are(made):
    shown = list(hostile_numbers.SHOWN.values())
    rows = [one.text for one in made.all("bdi", within="td") if "details" not in one.parents]
    assert rows == shown
    assert [one["title"] for one in made.data["data-page"]["similar"]] == shown
    assert [one["artist"] for one in made.data["data-page"]["similar"]] == shown
    assert [one.text for one in made.all("h3", within="article")] == [
        "1 X" + "x" * 118 + "…",
        "2 </script><script>alert(1)</script>",
        "3 Lone",
    ]
    settings = [one.text for one in made.all("bdi", within="details")]
    assert "<img src=x onerror=alert(1)>" in settings
    assert "x" * 2000 in settings
