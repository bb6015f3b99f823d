"""Figures of the clusters, by their numbers."""

import html

import numpy as np
import pytest
from tests.report.hostile_numbers import SHOWN, TEXTS

from segue.report import figures
from segue.report.figures.style import LONGEST, cluster_colour


def test_the_map_has_a_trace_for_each_cluster_in_its_colour():
    # cluster 2 has no track here: cluster 3 keeps its own colour
    made = figures.cluster_map(
        [0.123456, 1, 2], [3, 4, 5], [3, 1, 3], ["a", "b", "c"], ["A", "", "C"],
        centres=[(1.0, 4.0), (9.0, 9.0), (1.1, 4.1)], explained=(0.416, 0.2),
    )  # fmt: skip
    one, three = made.data
    assert [trace.name for trace in made.data] == ["Cluster 1", "Cluster 3"]
    assert (one.x, one.y, three.x, three.y) == ((1,), (4,), (0.1235, 2), (3, 5))
    assert [trace.marker.color for trace in made.data] == [cluster_colour(1), cluster_colour(3)]
    assert [trace.meta for trace in made.data] == [{"cluster": 1}, {"cluster": 3}]
    assert one.text == ("\u2068b\u2069",)
    assert three.text == ("\u2068a\u2069<br>\u2068A\u2069", "\u2068c\u2069<br>\u2068C\u2069")
    assert one.hovertemplate == "%{text}<extra>1</extra>"
    marks = made.layout.annotations
    assert [(mark.x, mark.y, mark.text) for mark in marks] == [
        (1.0, 4.0, "<b>1</b>"), (9.0, 9.0, "<b>2</b>"), (1.1, 4.1, "<b>3</b>"),
    ]  # fmt: skip
    assert [mark.bordercolor for mark in marks] == [cluster_colour(number) for number in (1, 2, 3)]
    assert made.layout.xaxis.title.text == "First direction, 42 % of the variance"
    assert made.layout.yaxis.title.text == "Second direction, 20 % of the variance"
    # a step is as long in either direction
    assert made.layout.yaxis.scaleanchor == "x"


def test_the_map_without_shares_and_without_tracks():
    made = figures.cluster_map([], [], [], [], [])
    assert made.data == ()
    assert made.layout.xaxis.title.text == "First direction"


def test_three_dimensions_in_the_units_that_people_read():
    values = {"bpm": [100.0, 120.0], "valence": [0.125, np.nan], "duration_s": [90.0, 150.0], "energy": [0, 1]}
    made = figures.scatter_3d(values, [2, 1], ["a", "b"], ["", ""], axes=("duration_s", "valence", "bpm"))
    one, two = made.data
    assert (two.x, two.y, two.z) == ((1.5,), (12.5,), (100.0,))
    assert (one.x, one.z) == ((2.5,), (120.0,))
    assert np.isnan(one.y[0])
    assert [trace.marker.color for trace in made.data] == [cluster_colour(1), cluster_colour(2)]
    scene = made.layout.scene
    assert [axis.title.text for axis in (scene.xaxis, scene.yaxis, scene.zaxis)] == [
        "Length, minutes",
        "Cheerfulness, %",
        "Tempo, beats per minute",
    ]


@pytest.mark.parametrize("kind", ["map", "scatter"])
def test_a_title_is_text_whatever_it_holds(kind):
    n = len(TEXTS)
    if kind == "map":
        made = figures.cluster_map(range(n), range(n), [1] * n, TEXTS, TEXTS)
    else:
        values = {name: range(n) for name in ("bpm", "energy", "danceability")}
        made = figures.scatter_3d(values, [1] * n, TEXTS, TEXTS)
    for told, wanted in zip(made.data[0].text, SHOWN.values(), strict=True):
        title, *artist = told.split("<br>")
        assert artist == ([title] if wanted else [])
        assert not {"<", ">"} & set(title)
        shown = wanted if len(wanted) <= LONGEST else "x" * 79 + "…"
        assert html.unescape(title) == f"\u2068{shown}\u2069"


def test_a_profile_reads_from_top_to_bottom():
    made = figures.profile(["bpm", "energy"], [1.23456, -0.5], cluster=2)
    (bars,) = made.data
    assert (bars.x, bars.y) == ((-0.5, 1.235), ("Energy", "Tempo"))
    assert bars.marker.color == cluster_colour(2)


def test_genres_against_clusters():
    made = figures.genre_heatmap(["rock", "pop"], [1, 2, 3], [[0.5, 0.4, 0.1], [0.25, 0.0, 0.75]])
    (heat,) = made.data
    assert [list(row) for row in heat.z] == [[50, 40, 10], [25, 0, 75]]
    assert heat.x == ("1", "2", "3")
    assert (heat.zmin, heat.zmax) == (0, 75)
    assert made.layout.yaxis.ticktext == ("rock", "pop")
    assert made.layout.yaxis.autorange == "reversed"
    assert heat.hovertemplate.startswith("%{customdata}: %{z:.0f} % of its tracks are in cluster %{x}")
    assert [list(row) for row in heat.customdata] == [["rock"] * 3, ["pop"] * 3]


def test_genres_are_text_and_stay_apart():
    names = ["<b>x</b>", "a" * 40, "a" * 41]
    made = figures.genre_heatmap(names, [1], [[1.0], [1.0], [1.0]])
    assert made.layout.yaxis.ticktext == ("&lt;b&gt;x&lt;/b&gt;", "a" * 23 + "…", "a" * 23 + "…")
    assert made.data[0].y == (0, 1, 2)
    assert list(made.data[0].customdata[0]) == ["&lt;b&gt;x&lt;/b&gt;"]
