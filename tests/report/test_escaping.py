"""Hostile texts add no element and no attribute to the page, and are shown literally."""

import pytest
from tests.report import hostile_numbers, report_numbers
from tests.report.page_reader import Page

from segue.report import page


@pytest.fixture(scope="module")
def text():
    return page.render(hostile_numbers.full(), "0f3a5c")


@pytest.fixture(scope="module")
def parsed(text):
    return Page(text)


def test_the_page_is_utf_8_without_invisible_characters(text):
    text.encode("utf-8")
    before_scripts = text.split("<script>")[0]
    assert not set("\u202e\u200b\ufeff\u2028\u2029\0\x07\x1b") & set(before_scripts)


@pytest.mark.guard("page-texts-escaped", "page-data-escaped")
def test_hostile_texts_add_no_element(parsed):
    full = Page(page.render(report_numbers.full(), "0f3a5c"))
    assert {element.tag for element in parsed.elements} <= {element.tag for element in full.elements}
    assert {name for element in parsed.elements for name in element.attributes} <= {
        name for element in full.elements for name in element.attributes
    }
    assert len(parsed.all("script")) == len(full.all("script"))
    assert parsed.scripts == full.scripts
    assert [element["href"] for element in parsed.all("a", "link")] == [
        element["href"] for element in full.all("a", "link")
    ]


def test_hostile_texts_are_shown_literally(parsed):
    shown = list(hostile_numbers.SHOWN.values())
    rows = [element.text for element in parsed.all("bdi", within="td") if "details" not in element.parents]
    assert rows == shown
    assert [element["title"] for element in parsed.data["data-page"]["similar"]] == shown
    assert [element["artist"] for element in parsed.data["data-page"]["similar"]] == shown
    assert [element.text for element in parsed.all("h3", within="article")] == [
        "1 X" + "x" * 118 + "…",
        "2 </script><script>alert(1)</script>",
        "3 Lone",
    ]
    settings = [element.text for element in parsed.all("bdi", within="details")]
    assert "<img src=x onerror=alert(1)>" in settings
    assert "x" * 2000 in settings
