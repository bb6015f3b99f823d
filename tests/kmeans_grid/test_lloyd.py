"""Passes over all points: convergence, limits, checkpoints."""

import json
import logging

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances
from tests.kmeans_grid.conftest import Checkpoint

from segue.errors import ClusteringError
from segue.kmeans_grid import lloyd as lloyd_passes
from segue.kmeans_grid.engine import score_fits
from segue.kmeans_grid.lloyd import LloydState
from segue.kmeans_grid.points import LocalPoints

KS = [2, 4, 9]


@pytest.fixture(scope="module")
def points():
    # multiples of 2^-24, so that sums are exact, although LocalPoints does not round its points
    return LocalPoints(np.random.default_rng(0).integers(0, 2**10, (500, 2)) / 2**10, None, 0, 0)


def initial_states(points, ks=KS):
    return [LloydState(points.sample.rows[:k]) for k in ks]


def run(points, states, *, max_iter=100, tol=0.0, checkpoint=None, passes=0):
    lloyd_passes.run_lloyd(
        points, states, points.sample, max_iter=max_iter, tol=tol, checkpoint=checkpoint, passes=passes
    )
    return states


def bits(states):
    return [(s.centres.tobytes(), s.iterations, s.converged, s.sums.tobytes()) for s in states]


def test_passes_converge_to_the_centres_of_scikit_learn(points):
    for state in run(points, initial_states(points)):
        k = len(state.centres)
        expected = KMeans(k, init=points.sample.rows[:k], n_init=1, tol=0, algorithm="lloyd").fit(points.sample.rows)
        assert state.converged
        assert np.abs(state.centres - expected.cluster_centers_).max() <= 2.0**-24
        assert state.sums[:, 2].tolist() == np.bincount(expected.labels_).tolist()


@pytest.mark.parametrize("max_iter", [0, 1, 3])
def test_centres_move_at_most_max_iter_times(points, max_iter):
    for state in run(points, initial_states(points), max_iter=max_iter):
        k = len(state.centres)
        assert state.iterations == max_iter
        assert not state.converged
        if max_iter:
            assert state.centres == pytest.approx(lloyd(points.sample.rows, k, max_iter), abs=1e-6)
        # the sums belong to the returned centres
        assert state.sums[:, 2].sum() == 500


def lloyd(rows, k, iterations):
    """Run Lloyd's iterations by their definition."""
    centres = rows[:k]
    for _ in range(iterations):
        labels = pairwise_distances(rows, centres).argmin(axis=1)
        centres = np.stack([rows[labels == c].mean(axis=0) for c in range(k)])
    return centres


def test_centres_that_would_move_less_than_tol_stay(points):
    (state,) = run(points, initial_states(points, [4]), tol=10.0)
    assert (state.iterations, state.converged) == (0, True)
    assert np.array_equal(state.centres, points.sample.rows[:4])


def test_every_pass_saves_the_state(points):
    checkpoint = Checkpoint()
    states = run(points, initial_states(points), max_iter=3, checkpoint=checkpoint)
    saved = json.loads(checkpoint.text)
    assert (checkpoint.saves, saved["passes"]) == (4, 4)
    assert [np.array(c["centres"]).tolist() for c in saved["courses"]] == [c.centres.tolist() for c in states]
    assert len(checkpoint.text) < 10_000


def resumed(points, text, *, max_iter=100):
    passes, states = lloyd_passes.restore_states(text, KS, 2)
    return run(points, states, max_iter=max_iter, passes=passes)


@pytest.mark.parametrize("max_iter", [3, 100])
def test_an_interrupted_grid_ends_with_the_same_bits(points, max_iter):
    checkpoint = Checkpoint()
    expected = bits(run(points, initial_states(points), max_iter=max_iter, checkpoint=checkpoint))
    # also after the last pass, as if scoring was interrupted
    for n in [1, 2, checkpoint.saves - 1, checkpoint.saves]:
        checkpoint = Checkpoint(fails_after=n)
        with pytest.raises(InterruptedError):
            run(points, initial_states(points), max_iter=max_iter, checkpoint=checkpoint)
        assert bits(resumed(points, checkpoint.text, max_iter=max_iter)) == expected


def test_sums_are_set_if_max_iter_is_lower_after_an_interruption(points):
    checkpoint = Checkpoint()
    run(points, initial_states(points), checkpoint=checkpoint)
    assert all(state.sums is not None for state in resumed(points, checkpoint.text, max_iter=1))


def checkpoint_text(points, ks=KS, **other):
    checkpoint = Checkpoint()
    run(points, initial_states(points, ks), max_iter=1, checkpoint=checkpoint)
    return json.dumps(json.loads(checkpoint.text) | other)


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
def test_a_corrupt_checkpoint_is_ignored(text):
    text = text.replace('{"passes"', '{"about": [], "passes"')
    assert lloyd_passes.restore_states(text, [2], 2) is None


@pytest.mark.parametrize("other", [{"passes": None}, {"passes": float("inf")}, {"passes": "many"}, {"courses": None}])
def test_a_checkpoint_without_passes_is_ignored(points, other):
    assert lloyd_passes.restore_states(checkpoint_text(points, **other), KS, 2) is None


def test_a_checkpoint_of_other_ks_or_features_is_ignored(points):
    text = checkpoint_text(points)
    assert lloyd_passes.restore_states(text, KS, 2) is not None
    for ks, n_features in [([2, 4], 2), ([2, 4, 8], 2), ([9, 4, 2], 2), (KS, 3)]:
        assert lloyd_passes.restore_states(text, ks, n_features) is None


def test_a_checkpoint_of_another_grid_is_ignored(points):
    checkpoint = Checkpoint()
    lloyd_passes.run_lloyd(
        points,
        initial_states(points),
        points.sample,
        max_iter=1,
        tol=0,
        checkpoint=checkpoint,
        fingerprint=[500, -3, 7],
    )
    assert lloyd_passes.restore_states(checkpoint.text, KS, 2, [500, -3, 7]) is not None
    for fingerprint in ([500, -3, 8], [501, -3, 7], [500, -3], []):
        assert lloyd_passes.restore_states(checkpoint.text, KS, 2, fingerprint) is None
    assert lloyd_passes.restore_states(checkpoint_text(points, about=None), KS, 2) is None


def test_a_checkpoint_with_centres_of_nan_is_ignored(points):
    saved = json.loads(checkpoint_text(points))
    saved["courses"][0]["centres"][0][0] = float("nan")
    assert lloyd_passes.restore_states(json.dumps(saved), KS, 2) is None


def test_an_empty_cluster_moves_to_the_farthest_point():
    points = LocalPoints(np.array([[0.0], [0.125], [0.25], [1.0]] * 5), None, 0, 0)
    # no point is nearest to the third centre
    (state,) = run(points, [LloydState(np.array([[0.0], [0.75], [-1.0]]))])
    assert sorted(state.sums[:, 1].tolist()) == [5, 5, 10]
    assert state.converged


def test_a_k_with_an_empty_cluster_has_not_converged():
    # no centre would move farther than tol
    points = LocalPoints(np.array([[0.0]] * 5 + [[0.5]] * 15 + [[0.625]] * 5), None, 0, 0)
    (state,) = run(points, [LloydState(np.array([[0.0], [0.5], [0.8125]]))], tol=0.25)
    assert state.sums[:, 1].tolist() == [5, 15, 5]


def test_progress_logs_the_pass_and_the_ks_not_converged(points, caplog):
    with caplog.at_level(logging.INFO):
        run(points, initial_states(points, [2, 3, 4, 9]), max_iter=1)
    assert "pass 1 of at most 2" in caplog.text
    assert "4 of 4 k not converged (2-4, 9)" in caplog.text
    assert "every k is done, k 2-4, 9 stopped by" in caplog.text


def test_a_k_with_an_empty_cluster_is_left_out_with_a_warning(caplog):
    points = LocalPoints(np.array([[0.0], [1.0]] * 5), None, 0, 0)
    complete, incomplete = LloydState(np.array([[0.0], [1.0]])), LloydState(np.array([[0.0], [1.0], [-1.0]]))
    for state, sums in zip(
        (complete, incomplete), points.centre_sums([complete.centres, incomplete.centres]), strict=True
    ):
        state.sums = sums
    assert [fit.k for fit in score_fits(points, [complete, incomplete], engine="", restarts=1)] == [2]
    assert "k 3: left out" in caplog.text
    with pytest.raises(ClusteringError, match="no k is left"):
        score_fits(points, [incomplete], engine="", restarts=1)
