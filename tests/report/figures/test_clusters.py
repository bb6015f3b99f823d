"""Figures of the clusters: their traces and layout."""

import html

import numpy as np
import pytest
from tests.report.hostile_numbers import SHOWN, TEXTS

from segue.report import figures
from segue.report.figures.style import MAX_LABEL_LENGTH, cluster_colour


def test_map_with_one_trace_per_cluster():
    # cluster 2 has no track, and cluster 3 has its own colour nevertheless
    drawn = figures.cluster_map(
        [0.123456, 1, 2], [3, 4, 5], [3, 1, 3], ["a", "b", "c"], ["A", "", "C"],
        centres=[(1.0, 4.0), (9.0, 9.0), (1.1, 4.1)], explained_variance_ratio=(0.416, 0.2),
    )  # fmt: skip
    first, third = drawn.data
    assert [trace.name for trace in drawn.data] == ["Cluster 1", "Cluster 3"]
    assert (first.x, first.y, third.x, third.y) == ((1,), (4,), (0.1235, 2), (3, 5))
    assert [trace.marker.color for trace in drawn.data] == [cluster_colour(1), cluster_colour(3)]
    assert [trace.meta for trace in drawn.data] == [{"cluster": 1}, {"cluster": 3}]
    assert first.text == ("\u2068b\u2069",)
    assert third.text == ("\u2068a\u2069<br>\u2068A\u2069", "\u2068c\u2069<br>\u2068C\u2069")
    assert first.hovertemplate == "%{text}<extra>1</extra>"
    labels = drawn.layout.annotations
    assert [(label.x, label.y, label.text) for label in labels] == [
        (1.0, 4.0, "<b>1</b>"), (9.0, 9.0, "<b>2</b>"), (1.1, 4.1, "<b>3</b>"),
    ]  # fmt: skip
    assert [label.bordercolor for label in labels] == [cluster_colour(number) for number in (1, 2, 3)]
    assert drawn.layout.xaxis.title.text == "First direction, 42 % of the variance"
    assert drawn.layout.yaxis.title.text == "Second direction, 20 % of the variance"
    # both axes have the same scale
    assert drawn.layout.yaxis.scaleanchor == "x"


def test_map_without_shares_and_tracks():
    drawn = figures.cluster_map([], [], [], [], [])
    assert drawn.data == ()
    assert drawn.layout.xaxis.title.text == "First direction"


def test_scatter_3d_in_displayed_units():
    values = {"bpm": [100.0, 120.0], "valence": [0.125, np.nan], "duration_s": [90.0, 150.0], "energy": [0, 1]}
    drawn = figures.scatter_3d(values, [2, 1], ["a", "b"], ["", None], axes=("duration_s", "valence", "bpm"))
    first, second = drawn.data
    assert (second.x, second.y, second.z) == ((1.5,), (12.5,), (100.0,))
    assert (first.x, first.z) == ((2.5,), (120.0,))
    assert np.isnan(first.y[0])
    assert [trace.marker.color for trace in drawn.data] == [cluster_colour(1), cluster_colour(2)]
    scene = drawn.layout.scene
    assert [axis.title.text for axis in (scene.xaxis, scene.yaxis, scene.zaxis)] == [
        "Length, minutes",
        "Cheerfulness, %",
        "Tempo, beats per minute",
    ]


@pytest.mark.parametrize("kind", ["map", "scatter"])
def test_hostile_titles_are_literal_text(kind):
    n = len(TEXTS)
    if kind == "map":
        drawn = figures.cluster_map(range(n), range(n), [1] * n, TEXTS, TEXTS)
    else:
        values = {name: range(n) for name in ("bpm", "energy", "danceability")}
        drawn = figures.scatter_3d(values, [1] * n, TEXTS, TEXTS)
    for text, expected in zip(drawn.data[0].text, SHOWN.values(), strict=True):
        title, *artist = text.split("<br>")
        assert artist == ([title] if expected else [])
        assert not {"<", ">"} & set(title)
        shown = expected if len(expected) <= MAX_LABEL_LENGTH else "x" * 79 + "…"
        assert html.unescape(title) == f"\u2068{shown}\u2069"


def test_profile_with_the_first_feature_on_top():
    drawn = figures.profile(["bpm", "energy"], [1.23456, -0.5], cluster=2)
    (bars,) = drawn.data
    assert (bars.x, bars.y) == ((-0.5, 1.235), ("Energy", "Tempo"))
    assert bars.marker.color == cluster_colour(2)


def test_genre_heatmap():
    drawn = figures.genre_heatmap(["rock", "pop"], [1, 2, 3], [[0.5, 0.4, 0.1], [0.25, 0.0, 0.75]])
    (heat,) = drawn.data
    assert [list(row) for row in heat.z] == [[50, 40, 10], [25, 0, 75]]
    assert heat.x == ("1", "2", "3")
    assert (heat.zmin, heat.zmax) == (0, 75)
    assert drawn.layout.yaxis.ticktext == ("rock", "pop")
    assert drawn.layout.yaxis.autorange == "reversed"
    assert heat.hovertemplate.startswith("%{customdata}: %{z:.0f} % of its tracks are in cluster %{x}")
    assert [list(row) for row in heat.customdata] == [["rock"] * 3, ["pop"] * 3]


def test_hostile_and_equally_shortened_genres():
    names = ["<b>x</b>", "a" * 40, "a" * 41]
    drawn = figures.genre_heatmap(names, [1], [[1.0], [1.0], [1.0]])
    assert drawn.layout.yaxis.ticktext == ("&lt;b&gt;x&lt;/b&gt;", "a" * 23 + "…", "a" * 23 + "…")
    assert drawn.data[0].y == (0, 1, 2)
    assert list(drawn.data[0].customdata[0]) == ["&lt;b&gt;x&lt;/b&gt;"]


def test_the_chosen_k_is_marked():
    drawn = figures.k_scores([2, 3, 4, 5], [0.35, 0.31, 0.28, 0.24], 3, score_name="Silhouette")
    line, mark = drawn.data
    assert (line.x, line.y) == ((2, 3, 4, 5), (0.35, 0.31, 0.28, 0.24))
    assert (mark.x, mark.y, mark.text) == ((3,), (0.31,), (" 3 clusters",))
    assert drawn.layout.yaxis.title.text == "Silhouette"
    assert drawn.layout.xaxis.title.text == "Number of clusters"
    assert line.hovertemplate.startswith("%{x} clusters: silhouette %{y")


@pytest.mark.parametrize(("chosen", "side"), [(2, "top right"), (5, "top left")])
def test_the_label_is_on_the_inner_side(chosen, side):
    _, mark = figures.k_scores([2, 3, 4, 5], [4, 3, 2, 1], chosen, score_name="Inertia").data
    assert mark.textposition == side


def test_an_unknown_k_is_an_error():
    with pytest.raises(ValueError):
        figures.k_scores([2, 3], [0.3, 0.2], 7, score_name="Silhouette")


def test_silhouettes_in_the_colours_of_clusters():
    drawn = figures.silhouettes([1, 2, 12], [0.41, 0.175, -0.02], mean=0.31)
    (bars,) = drawn.data
    assert bars.x == ("1", "2", "12")
    assert bars.y == (0.41, 0.175, -0.02)
    assert bars.marker.color == (cluster_colour(1), cluster_colour(2), cluster_colour(12))
    (line,) = drawn.layout.shapes
    assert (line.y0, line.y1) == (0.31, 0.31)
    assert drawn.layout.xaxis.type == "category"


def test_silhouettes_without_a_mean_have_no_line():
    assert figures.silhouettes([1], [0.5]).layout.shapes == ()
