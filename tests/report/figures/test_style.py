"""What all figures have in common."""

import pytest
from tests.report.hostile import SHOWN

from segue.report.figures import style


@pytest.mark.parametrize(("text", "wanted"), SHOWN.items(), ids=range(len(SHOWN)))
def test_a_text_stands_on_one_line_without_what_cannot_be_seen(text, wanted):
    assert style.short(text) == wanted


@pytest.mark.parametrize(
    ("text", "longest", "wanted"),
    [("abcde", 5, "abcde"), ("abcdef", 5, "abcd…"), ("abc def", 5, "abc…"), ("", 5, ""), ("  a  b ", 5, "a b")],
)
def test_what_is_too_long_is_cut(text, longest, wanted):
    assert style.short(text, longest) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("&lt;", "&amp;lt;"),
        ("a<br>b", "a&lt;br&gt;b"),
        ("x" * 81, "x" * 79 + "…"),
        # cut before tags are escaped, never within an entity
        ("<" * 81, "&lt;" * 79 + "…"),
    ],
)
def test_plotly_finds_no_tag_and_no_entity_in_a_text(text, wanted):
    assert style.plain(text) == wanted


def test_a_text_keeps_its_direction_to_itself():
    assert style.isolated("שלום") == "\u2068שלום\u2069"  # noqa: RUF001
    assert style.isolated("\u2069\u202e<i>") == "\u2068&lt;i&gt;\u2069"


def test_figures_have_no_ground_and_no_title_of_their_own():
    made = style.figure(height=100, bargap=0)
    assert made.layout.height == 100
    look = made.layout.template.layout
    assert {look.paper_bgcolor, look.plot_bgcolor} == {"rgba(0,0,0,0)"}
    assert made.layout.title.text is None
    assert style.CONFIG["displaylogo"] is False
