"""Passes over all points: they converge, they stop, they go on where they were interrupted."""

import json
import logging

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances

from segue.errors import ClusteringError
from segue.kmeans_grid import lloyd as lloyd_passes
from segue.kmeans_grid.engine import fit_scores
from segue.kmeans_grid.lloyd import LloydState
from segue.kmeans_grid.points import LocalPoints

KS = [2, 4, 9]


class Kept:
    """A memory that can stand for a crash after some pass."""

    def __init__(self, text=None, fails_after=None):
        self.text, self.saves, self.fails_after = text, 0, fails_after

    def load(self):
        return self.text

    def save(self, text):
        self.text, self.saves = text, self.saves + 1
        if self.saves == self.fails_after:
            raise InterruptedError


@pytest.fixture(scope="module")
def points():
    # multiples of the grid's step, so that the driver's exact sums are those of the blocks
    return LocalPoints(np.random.default_rng(0).integers(0, 2**10, (500, 2)) / 2**10, None, 0, 0)


def begun(points, ks=KS):
    return [LloydState(points.sample.rows[:k]) for k in ks]


def run(points, courses, *, max_iter=100, tol=0.0, memory=None, done=0):
    lloyd_passes.run_lloyd(points, courses, points.sample, max_iter=max_iter, tol=tol, memory=memory, done=done)
    return courses


def bits(courses):
    return [(c.centres.tobytes(), c.iterations, c.converged, c.total.tobytes()) for c in courses]


def test_passes_end_where_scikit_learn_ends(points):
    for course in run(points, begun(points)):
        k = len(course.centres)
        wanted = KMeans(k, init=points.sample.rows[:k], n_init=1, tol=0, algorithm="lloyd").fit(points.sample.rows)
        assert course.converged
        assert np.abs(course.centres - wanted.cluster_centers_).max() <= 2.0**-24
        assert course.total[:, 2].tolist() == np.bincount(wanted.labels_).tolist()


@pytest.mark.parametrize("max_iter", [0, 1, 3])
def test_centres_move_at_most_max_iter_times(points, max_iter):
    for course in run(points, begun(points), max_iter=max_iter):
        k = len(course.centres)
        assert course.iterations == max_iter
        assert not course.converged
        if max_iter:
            assert course.centres == pytest.approx(lloyd(points.sample.rows, k, max_iter), abs=1e-6)
        # what the scores need is about these very centres
        assert course.total[:, 2].sum() == 500


def lloyd(rows, k, iterations):
    """Straight from the definition."""
    centres = rows[:k]
    for _ in range(iterations):
        labels = pairwise_distances(rows, centres).argmin(axis=1)
        centres = np.stack([rows[labels == c].mean(axis=0) for c in range(k)])
    return centres


def test_centres_that_move_less_than_tol_stay(points):
    (course,) = run(points, begun(points, [4]), tol=10.0)
    assert (course.iterations, course.converged) == (0, True)
    assert np.array_equal(course.centres, points.sample.rows[:4])


def test_every_pass_is_saved_as_a_little_text(points):
    memory = Kept()
    courses = run(points, begun(points), max_iter=3, memory=memory)
    saved = json.loads(memory.text)
    assert (memory.saves, saved["passes"]) == (4, 4)
    assert [np.array(c["centres"]).tolist() for c in saved["courses"]] == [c.centres.tolist() for c in courses]
    assert len(memory.text) < 10_000


def resumed(points, text, *, max_iter=100):
    done, courses = lloyd_passes.restore_states(text, KS, 2)
    return run(points, courses, max_iter=max_iter, done=done)


@pytest.mark.parametrize("max_iter", [3, 100])
def test_an_interrupted_grid_ends_as_if_it_had_not_been(points, max_iter):
    memory = Kept()
    wanted = bits(run(points, begun(points), max_iter=max_iter, memory=memory))
    # after the last pass too: the scores may be what was interrupted
    for n in [1, 2, memory.saves - 1, memory.saves]:
        memory = Kept(fails_after=n)
        with pytest.raises(InterruptedError):
            run(points, begun(points), max_iter=max_iter, memory=memory)
        assert bits(resumed(points, memory.text, max_iter=max_iter)) == wanted


def test_fewer_passes_than_were_made_still_give_scores(points):
    memory = Kept()
    run(points, begun(points), memory=memory)
    assert all(course.total is not None for course in resumed(points, memory.text, max_iter=1))


def text_of(points, ks=KS, **other):
    memory = Kept()
    run(points, begun(points, ks), max_iter=1, memory=memory)
    return json.dumps(json.loads(memory.text) | other)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "7", "[]", "{}", '"text"', '{"passes": 1}', '{"passes": 1, "courses": 3}',
        '{"passes": 1, "courses": [1, 2, 3]}', '{"passes": 1, "courses": []}',
        '{"passes": 1, "courses": [{"centres": [[0, 0], [0]], "iterations": 1}]}',
        '{"passes": 1, "courses": [{"centres": [["a", 0], [0, 0]], "iterations": 1}]}',
        "\x00\ufffd", "NaN",
    ],
    ids=repr,
)  # fmt: skip
def test_corrupt_text_is_ignored(text):
    text = text.replace('{"passes"', '{"about": [], "passes"')
    assert lloyd_passes.restore_states(text, [2], 2) is None


@pytest.mark.parametrize("other", [{"passes": None}, {"passes": float("inf")}, {"passes": "many"}, {"courses": None}])
def test_text_without_a_number_of_passes_is_ignored(points, other):
    assert lloyd_passes.restore_states(text_of(points, **other), KS, 2) is None


def test_text_about_other_k_or_features_is_ignored(points):
    text = text_of(points)
    assert lloyd_passes.restore_states(text, KS, 2) is not None
    for ks, n_features in [([2, 4], 2), ([2, 4, 8], 2), ([9, 4, 2], 2), (KS, 3)]:
        assert lloyd_passes.restore_states(text, ks, n_features) is None


def test_text_about_another_grid_is_ignored(points):
    memory = Kept()
    lloyd_passes.run_lloyd(points, begun(points), points.sample, max_iter=1, tol=0, memory=memory, about=[500, -3, 7])
    assert lloyd_passes.restore_states(memory.text, KS, 2, [500, -3, 7]) is not None
    for about in ([500, -3, 8], [501, -3, 7], [500, -3], []):
        assert lloyd_passes.restore_states(memory.text, KS, 2, about) is None
    assert lloyd_passes.restore_states(text_of(points, about=None), KS, 2) is None


def test_text_with_centres_that_are_no_numbers_is_ignored(points):
    saved = json.loads(text_of(points))
    saved["courses"][0]["centres"][0][0] = float("nan")
    assert lloyd_passes.restore_states(json.dumps(saved), KS, 2) is None


def test_a_cluster_that_empties_goes_to_the_farthest_point():
    points = LocalPoints(np.array([[0.0], [0.125], [0.25], [1.0]] * 5), None, 0, 0)
    # no point is nearest to the third centre
    (course,) = run(points, [LloydState(np.array([[0.0], [0.75], [-1.0]]))])
    assert sorted(course.total[:, 1].tolist()) == [5, 5, 10]
    assert course.converged


def test_no_cluster_is_empty_where_passes_end_early():
    # the empty centre would move by less than tol: that is no reason to leave it empty
    points = LocalPoints(np.array([[0.0]] * 5 + [[0.5]] * 15 + [[0.625]] * 5), None, 0, 0)
    (course,) = run(points, [LloydState(np.array([[0.0], [0.5], [0.8125]]))], tol=0.25)
    assert course.total[:, 1].tolist() == [5, 15, 5]


def test_progress_names_the_pass_and_the_k_that_still_move(points, caplog):
    with caplog.at_level(logging.INFO):
        run(points, begun(points, [2, 3, 4, 9]), max_iter=1)
    assert "pass 1 of at most 2" in caplog.text
    assert "4 of 4 k still move (2-4, 9)" in caplog.text
    assert "every k is done, 2-4, 9 stopped by" in caplog.text


def test_a_k_with_an_empty_cluster_is_left_out_with_a_warning(caplog):
    points = LocalPoints(np.array([[0.0], [1.0]] * 5), None, 0, 0)
    whole, hollow = LloydState(np.array([[0.0], [1.0]])), LloydState(np.array([[0.0], [1.0], [-1.0]]))
    for course, total in zip((whole, hollow), points.totals([whole.centres, hollow.centres]), strict=True):
        course.total = total
    assert [fit.k for fit in fit_scores(points, [whole, hollow], engine="", restarts=1)] == [2]
    assert "k 3: left out" in caplog.text
    with pytest.raises(ClusteringError, match="no k was left"):
        fit_scores(points, [hollow], engine="", restarts=1)
