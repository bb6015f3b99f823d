"""Figures of the catalogue: their traces and layout."""

import numpy as np
import pytest
from tests.report.hostile_numbers import SHOWN, TEXTS

from segue.report import figures
from segue.report.figures.style import ACCENT


def test_bars_cover_their_bins():
    drawn = figures.distribution("energy", [0.0, 0.25, 0.75], [10, 2500])
    (bars,) = drawn.data
    assert bars.x == (12.5, 50.0)
    assert bars.width == (25.0, 50.0)
    assert bars.y == (10, 2500)
    assert bars.customdata == ("0 % to 25 %", "25 % to 75 %")
    assert bars.hovertemplate == "%{customdata}: %{y:,} tracks<extra></extra>"
    assert drawn.layout.xaxis.title.text == "Energy, %"


def test_lengths_are_drawn_in_minutes():
    (bars,) = figures.distribution("duration_s", [60, 90], [7]).data
    assert bars.x == pytest.approx((1.25,))
    assert bars.width == pytest.approx((0.5,))
    assert bars.customdata == ("1:00 to 1:30",)


def test_correlations_as_a_lower_triangle():
    r = [[1, -0.671, 0.2], [-0.671, 1, float("nan")], [0.2, float("nan"), 1]]
    drawn = figures.correlations(["energy", "acousticness", "year"], r)
    (heat,) = drawn.data
    assert heat.x == ("Energy", "Acousticness")
    assert heat.y == ("Acousticness", "Year of release")
    assert [list(row) for row in heat.z] == [[-0.671, None], [0.2, None]]
    assert [list(row) for row in heat.text] == [["−0.67", ""], ["0.20", ""]]


def test_negative_correlations_are_blue():
    (heat,) = figures.correlations(["energy", "bpm"], np.eye(2)).data
    assert (heat.zmin, heat.zmax) == (-1, 1)
    positions, colours = zip(*heat.colorscale, strict=True)
    assert positions == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert (colours[0], colours[2], colours[4]) == ("#2166ac", "#f7f7f7", "#b2182b")


def test_correlations_leave_the_matrix_unchanged():
    matrix = np.eye(3)
    figures.correlations(["energy", "bpm", "valence"], matrix)
    assert (matrix == np.eye(3)).all()


def test_tracks_by_year():
    drawn = figures.by_year("tracks", [1999, 2001], [12, 1500])
    (bars,) = drawn.data
    assert (bars.type, bars.x, bars.y) == ("bar", (1999, 2001), (12, 1500))
    assert drawn.layout.yaxis.title.text == "Tracks"
    assert drawn.layout.xaxis.tickformat == "d"


def test_a_feature_by_year_with_a_gap():
    drawn = figures.by_year("valence", [1999, 2000, 2001], [0.5, None, 0.625])
    (line,) = drawn.data
    assert (line.type, line.x, line.y) == ("scatter", (1999, 2000, 2001), (50.0, None, 62.5))
    assert line.customdata == ("50 %", "", "62 %")
    assert drawn.layout.yaxis.title.text == "Cheerfulness, %"


def test_ranking_with_the_first_on_top():
    drawn = figures.ranking(["rock", "pop", "jazz"], [1200, 40, 7], unit="tracks")
    (bars,) = drawn.data
    assert bars.orientation == "h"
    assert (bars.x, bars.y) == ((7, 40, 1200), (0, 1, 2))
    assert bars.text == ("7", "40", "1,200")
    assert drawn.layout.yaxis.tickvals == (0, 1, 2)
    assert drawn.layout.yaxis.ticktext == ("jazz", "pop", "rock")
    assert bars.customdata == ("jazz", "pop", "rock")


def test_equally_shortened_names_are_two_bars():
    drawn = figures.ranking(["a" * 30 + "1", "a" * 30 + "2"], [3, 2], unit="tracks")
    assert drawn.layout.yaxis.ticktext == ("a" * 23 + "…",) * 2
    assert drawn.data[0].y == (0, 1)


def test_hostile_names_are_literal_text():
    drawn = figures.ranking(TEXTS, [1] * len(TEXTS), unit="tracks")
    texts = [*drawn.data[0].customdata, *drawn.layout.yaxis.ticktext]
    assert not any(letter in text for text in texts for letter in "<>\u202e\0\u2028")
    expected = SHOWN["<b>x</b>"].replace("<", "&lt;").replace(">", "&gt;")
    assert expected in drawn.layout.yaxis.ticktext


def test_popularity_by_a_feature():
    drawn = figures.popularity("energy", [0.125, 0.375], [41.5, 50.25], [25, 100])
    (line,) = drawn.data
    assert (line.x, line.y) == ((12.5, 37.5), (41.5, 50.25))
    # widths are 4 pixels, and 10 times the square root of the number of tracks relative to the largest bin
    assert line.marker.size == (9.0, 14.0)
    assert [list(row) for row in line.customdata] == [["12 %", "25"], ["38 %", "100"]]
    assert drawn.layout.xaxis.title.text == "Energy, %"
    assert line.marker.color == ACCENT
