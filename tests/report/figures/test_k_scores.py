"""Figures of the number of clusters, by their numbers."""

import pytest

from segue.report import figures
from segue.report.figures.style import cluster_colour


def test_the_chosen_number_is_marked_on_its_line():
    made = figures.k_scores([2, 3, 4, 5], [0.35, 0.31, 0.28, 0.24], 3, what="Silhouette")
    line, mark = made.data
    assert (line.x, line.y) == ((2, 3, 4, 5), (0.35, 0.31, 0.28, 0.24))
    assert (mark.x, mark.y, mark.text) == ((3,), (0.31,), (" 3 clusters",))
    assert made.layout.yaxis.title.text == "Silhouette"
    assert made.layout.xaxis.title.text == "Number of clusters"
    assert line.hovertemplate.startswith("%{x} clusters: silhouette %{y")


@pytest.mark.parametrize(("chosen", "side"), [(2, "top right"), (5, "top left")])
def test_the_mark_is_written_towards_the_middle(chosen, side):
    _, mark = figures.k_scores([2, 3, 4, 5], [4, 3, 2, 1], chosen, what="Inertia").data
    assert mark.textposition == side


def test_a_number_that_was_not_tried_cannot_be_marked():
    with pytest.raises(ValueError):
        figures.k_scores([2, 3], [0.3, 0.2], 7, what="Silhouette")


def test_each_cluster_has_its_bar_in_its_colour():
    made = figures.silhouettes([1, 2, 12], [0.41, 0.175, -0.02], mean=0.31)
    (bars,) = made.data
    assert bars.x == ("1", "2", "12")
    assert bars.y == (0.41, 0.175, -0.02)
    assert bars.marker.color == (cluster_colour(1), cluster_colour(2), cluster_colour(12))
    (line,) = made.layout.shapes
    assert (line.y0, line.y1) == (0.31, 0.31)
    assert made.layout.xaxis.type == "category"


def test_without_a_mean_there_is_no_line():
    assert figures.silhouettes([1], [0.5]).layout.shapes == ()
