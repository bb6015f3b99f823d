"""What all figures have in common."""

import itertools
import re

import pytest
from tests.report.hostile_numbers import SHOWN

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


def test_the_first_ten_are_petroffs():
    assert [style.cluster_colour(number) for number in range(1, 11)] == PETROFF


def test_two_hundred_clusters_have_a_colour_each():
    found = [style.cluster_colour(number) for number in range(1, 201)]
    assert len(set(found)) == 200
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in found)


def test_beyond_the_palette_colours_come_again():
    assert re.fullmatch("#[0-9a-f]{6}", style.cluster_colour(5000))


def test_neighbours_in_number_are_never_alike():
    found = [style.cluster_colour(number) for number in range(1, 400)]
    assert all(one != other for one, other in itertools.pairwise(found))


@pytest.mark.parametrize("ground", ["#ffffff", "#111318"])
def test_quiet_text_is_read_on_white_and_on_near_black(ground):
    # 4.5 to 1 is what text wants; where the page's script runs, it takes the page's own ink instead
    assert contrast(style.QUIET, ground) >= 4.0


def test_scales_run_from_blue_to_red_and_from_light_to_dark():
    low, *_, high = style.DIVERGING
    assert int(low[1:3], 16) < int(low[5:7], 16)
    assert int(high[1:3], 16) > int(high[5:7], 16)
    assert len(style.DIVERGING) % 2 == 1
    shades = [luminance(colour) for colour in style.SEQUENTIAL]
    assert shades == sorted(shades, reverse=True)
