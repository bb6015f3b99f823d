"""Colours, template and text rules of figures."""

import itertools
import re

import pytest
from tests.report.hostile_numbers import SHOWN

from segue.report.figures import style


@pytest.mark.parametrize(("text", "expected"), SHOWN.items(), ids=range(len(SHOWN)))
def test_one_line_without_invisible_characters(text, expected):
    assert style.one_line(text) == expected


@pytest.mark.parametrize(
    ("text", "max_length", "expected"),
    [("abcde", 5, "abcde"), ("abcdef", 5, "abcd…"), ("abc def", 5, "abc…"), ("", 5, ""), ("  a  b ", 5, "a b")],
)
def test_long_texts_are_cut(text, max_length, expected):
    assert style.one_line(text, max_length) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("&lt;", "&amp;lt;"),
        ("a<br>b", "a&lt;br&gt;b"),
        ("x" * 81, "x" * 79 + "…"),
        # cut before it is escaped, so never within an entity
        ("<" * 81, "&lt;" * 79 + "…"),
    ],
)
def test_plotly_text_escapes_tags_and_entities(text, expected):
    assert style.plotly_text(text) == expected


def test_isolated_text_has_its_own_direction():
    assert style.isolated_text("שלום") == "\u2068שלום\u2069"  # noqa: RUF001
    assert style.isolated_text("\u2069\u202e<i>") == "\u2068&lt;i&gt;\u2069"


def test_figures_are_transparent_without_title():
    drawn = style.figure(height=100, bargap=0)
    assert drawn.layout.height == 100
    template = drawn.layout.template.layout
    assert {template.paper_bgcolor, template.plot_bgcolor} == {"rgba(0,0,0,0)"}
    assert drawn.layout.title.text is None
    assert style.CONFIG["displaylogo"] is False


PETROFF = [
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
]  # fmt: skip


def luminance(colour: str) -> float:
    """Return WCAG's relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_first_ten_colours_are_petroffs():
    assert [style.cluster_colour(number) for number in range(1, 11)] == PETROFF


def test_two_hundred_clusters_have_distinct_colours():
    colours = [style.cluster_colour(number) for number in range(1, 201)]
    assert len(set(colours)) == 200
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)


def test_colours_repeat_beyond_the_palette():
    assert re.fullmatch("#[0-9a-f]{6}", style.cluster_colour(5000))


def test_consecutive_clusters_differ_in_colour():
    colours = [style.cluster_colour(number) for number in range(1, 400)]
    assert all(one != other for one, other in itertools.pairwise(colours))


@pytest.mark.parametrize("background", ["#ffffff", "#111318"])
def test_muted_text_is_legible_on_white_and_near_black(background):
    # WCAG requires 4.5 to 1 for text, which the page's script ensures with the page's own text colour
    assert contrast(style.MUTED, background) >= 4.0


def test_directions_of_the_colour_scales():
    low, *_, high = style.DIVERGING
    assert int(low[1:3], 16) < int(low[5:7], 16)
    assert int(high[1:3], 16) > int(high[5:7], 16)
    assert len(style.DIVERGING) % 2 == 1
    shades = [luminance(colour) for colour in style.SEQUENTIAL]
    assert shades == sorted(shades, reverse=True)
