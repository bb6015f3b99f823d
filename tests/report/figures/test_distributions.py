"""Figures of what the catalogue holds, by their numbers."""

import numpy as np
import pytest
from tests.report.hostile_numbers import SHOWN, TEXTS

from segue.report import figures
from segue.report.figures.style import ACCENT


def test_bars_lie_where_their_tracks_do():
    made = figures.distribution("energy", [0.0, 0.25, 0.75], [10, 2500])
    (bars,) = made.data
    assert bars.x == (12.5, 50.0)
    assert bars.width == (25.0, 50.0)
    assert bars.y == (10, 2500)
    assert bars.customdata == ("0 % to 25 %", "25 % to 75 %")
    assert bars.hovertemplate == "%{customdata}: %{y:,} tracks<extra></extra>"
    assert made.layout.xaxis.title.text == "Energy, %"


def test_lengths_are_drawn_in_minutes_and_read_in_minutes_and_seconds():
    (bars,) = figures.distribution("duration_s", [60, 90], [7]).data
    assert bars.x == pytest.approx((1.25,))
    assert bars.width == pytest.approx((0.5,))
    assert bars.customdata == ("1:00 to 1:30",)


def test_each_pair_is_drawn_once():
    r = [[1, -0.671, 0.2], [-0.671, 1, float("nan")], [0.2, float("nan"), 1]]
    made = figures.correlations(["energy", "acousticness", "year"], r)
    (heat,) = made.data
    assert heat.x == ("Energy", "Acousticness")
    assert heat.y == ("Acousticness", "Year of release")
    assert [list(row) for row in heat.z] == [[-0.671, None], [0.2, None]]
    assert [list(row) for row in heat.text] == [["−0.67", ""], ["0.20", ""]]


def test_correlations_are_blue_below_nought_and_red_above():
    (heat,) = figures.correlations(["energy", "bpm"], np.eye(2)).data
    assert (heat.zmin, heat.zmax) == (-1, 1)
    places, colours = zip(*heat.colorscale, strict=True)
    assert places == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert (colours[0], colours[2], colours[4]) == ("#2166ac", "#f7f7f7", "#b2182b")


def test_a_matrix_that_was_given_is_left_as_it_is():
    given = np.eye(3)
    figures.correlations(["energy", "bpm", "valence"], given)
    assert (given == np.eye(3)).all()


def test_tracks_by_year():
    made = figures.by_year("tracks", [1999, 2001], [12, 1500])
    (bars,) = made.data
    assert (bars.type, bars.x, bars.y) == ("bar", (1999, 2001), (12, 1500))
    assert made.layout.yaxis.title.text == "Tracks"
    assert made.layout.xaxis.tickformat == "d"


def test_a_feature_by_year_with_a_gap_where_nobody_knows_it():
    made = figures.by_year("valence", [1999, 2000, 2001], [0.5, None, 0.625])
    (line,) = made.data
    assert (line.type, line.x, line.y) == ("scatter", (1999, 2000, 2001), (50.0, None, 62.5))
    assert line.customdata == ("50 %", "", "62 %")
    assert made.layout.yaxis.title.text == "Cheerfulness, %"


def test_the_most_frequent_stands_on_top():
    made = figures.ranking(["rock", "pop", "jazz"], [1200, 40, 7], what="tracks")
    (bars,) = made.data
    assert bars.orientation == "h"
    assert (bars.x, bars.y) == ((7, 40, 1200), (0, 1, 2))
    assert bars.text == ("7", "40", "1,200")
    assert made.layout.yaxis.tickvals == (0, 1, 2)
    assert made.layout.yaxis.ticktext == ("jazz", "pop", "rock")
    assert bars.customdata == ("jazz", "pop", "rock")


def test_names_that_are_shortened_alike_stay_two_bars():
    made = figures.ranking(["a" * 30 + "1", "a" * 30 + "2"], [3, 2], what="tracks")
    assert made.layout.yaxis.ticktext == ("a" * 23 + "…",) * 2
    assert made.data[0].y == (0, 1)


def test_names_are_text_wherever_they_come_from():
    made = figures.ranking(TEXTS, [1] * len(TEXTS), what="tracks")
    texts = [*made.data[0].customdata, *made.layout.yaxis.ticktext]
    assert not any(letter in text for text in texts for letter in "<>\u202e\0\u2028")
    wanted = SHOWN["<b>x</b>"].replace("<", "&lt;").replace(">", "&gt;")
    assert wanted in made.layout.yaxis.ticktext


def test_popularity_by_a_feature():
    made = figures.popularity("energy", [0.125, 0.375], [41.5, 50.25], [25, 100])
    (line,) = made.data
    assert (line.x, line.y) == ((12.5, 37.5), (41.5, 50.25))
    # area goes with tracks: a quarter of them makes half the growth
    assert line.marker.size == (9.0, 14.0)
    assert [list(row) for row in line.customdata] == [["12 %", "25"], ["38 %", "100"]]
    assert made.layout.xaxis.title.text == "Energy, %"
    assert line.marker.color == ACCENT
