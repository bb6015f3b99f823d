"""Figures of the choice of k: their traces and layout."""

import pytest

from segue.report import figures
from segue.report.figures.style import cluster_colour


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
