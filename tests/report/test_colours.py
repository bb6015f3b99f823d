"""One colour per cluster."""

import itertools
import re

import pytest

from segue.report import colours

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
    assert [colours.of_cluster(number) for number in range(1, 11)] == PETROFF


def test_two_hundred_clusters_have_a_colour_each():
    found = [colours.of_cluster(number) for number in range(1, 201)]
    assert len(set(found)) == 200
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in found)


def test_beyond_the_palette_colours_come_again():
    assert re.fullmatch("#[0-9a-f]{6}", colours.of_cluster(5000))


def test_neighbours_in_number_are_never_alike():
    found = [colours.of_cluster(number) for number in range(1, 400)]
    assert all(one != other for one, other in itertools.pairwise(found))


@pytest.mark.parametrize("ground", ["#ffffff", "#111318"])
def test_quiet_text_is_read_on_white_and_on_near_black(ground):
    # 4.5 to 1 is what text wants; where the page's script runs, it takes the page's own ink instead
    assert contrast(colours.QUIET, ground) >= 4.0


def test_scales_run_from_blue_to_red_and_from_light_to_dark():
    low, *_, high = colours.DIVERGING
    assert int(low[1:3], 16) < int(low[5:7], 16)
    assert int(high[1:3], 16) > int(high[5:7], 16)
    assert len(colours.DIVERGING) % 2 == 1
    shades = [luminance(colour) for colour in colours.SEQUENTIAL]
    assert shades == sorted(shades, reverse=True)
