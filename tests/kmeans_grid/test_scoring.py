"""Scores summed over points, against scikit-learn on the same labels."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.metrics import pairwise_distances

from segue.core import grid_result
from segue.core.metrics import Agreement
from segue.kmeans_grid import kernel, scoring
from segue.kmeans_grid.kernel import Points
from segue.kmeans_grid.scoring import CentreStats


@pytest.fixture(scope="module")
def points():
    return kernel.round_to_grid(np.random.default_rng(0).random((300, 4)), 24)


@pytest.fixture(scope="module")
def centres(points):
    return [points[:2], points[5:10], points[20:50]]


def known(points, sets):
    return [CentreStats.of(c, total) for c, total in zip(sets, kernel.centre_sums(points, sets), strict=True)]


def judged(points, sets, classes=None, n_classes=0):
    return scoring.score_sums(points, classes, n_classes, known(points, sets))


def labels_of(rows, centres):
    return pairwise_distances(rows, centres).argmin(axis=1)


def by_cluster(values, labels, k):
    return np.bincount(labels, weights=values, minlength=k)


def test_sums_of_each_cluster_equal_scikit_learn(points, centres):
    for verdict, of in zip(judged(Points.of(points), centres), centres, strict=True):
        labels, k = labels_of(points, of), len(of)
        means = np.stack([points[labels == c].mean(axis=0) for c in range(k)])
        silhouettes = metrics.silhouette_samples(points, labels, metric="sqeuclidean")
        gaps = np.linalg.norm(points - means[labels], axis=1)
        for column, values in enumerate((silhouettes, gaps, gaps**2)):
            assert verdict.sums[:, column] == pytest.approx(by_cluster(values, labels, k), abs=1e-9)
        assert verdict.pairs.size == verdict.counts.size == 0


def scored(points, of):
    """The scores of one clustering, as the engine puts them together."""
    ((totals,), (verdict,)) = kernel.centre_sums(points, [of]), judged(points, [of])
    found = CentreStats.of(of, totals)
    sums = grid_result.ClusterSums(found.sizes.astype(int), found.means, *verdict.sums.T)
    return grid_result.fit_from_sums(of, sums, Agreement(None, None, None), engine="", restarts=1, iterations=1)


def test_scores_equal_scikit_learn(points, centres):
    for of in centres:
        found, labels = scored(Points.of(points), of), labels_of(points, of)
        assert found.silhouette == pytest.approx(metrics.silhouette_score(points, labels, metric="sqeuclidean"))
        assert found.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(points, labels), rel=1e-9)
        assert found.calinski_harabasz == pytest.approx(metrics.calinski_harabasz_score(points, labels), rel=1e-9)
        # the centres are no means, and inertia is about them
        gaps = pairwise_distances(points, of, metric="sqeuclidean").min(axis=1)
        assert found.inertia == pytest.approx(gaps.sum(), rel=1e-12)


def test_weights_are_repeated_points(points, centres):
    weights = np.random.default_rng(1).integers(1, 4, len(points))
    classes = np.random.default_rng(2).integers(-1, 3, len(points)).astype(np.int32)
    weighted = judged(Points.of(points, weights), centres, classes, 3)
    repeated = judged(Points.of(np.repeat(points, weights, axis=0)), centres, np.repeat(classes, weights), 3)
    for a, b in zip(weighted, repeated, strict=True):
        assert a.sums == pytest.approx(b.sums, abs=1e-9)
        assert (a.pairs.tolist(), a.counts.tolist()) == (b.pairs.tolist(), b.counts.tolist())


def test_a_point_alone_in_its_cluster_has_no_silhouette():
    rows = np.array([[0.0], [0.125], [0.25], [1.0]])
    (verdict,) = judged(Points.of(rows), [np.array([[0.125], [1.0]])])
    wanted = metrics.silhouette_samples(rows, [0, 0, 0, 1], metric="sqeuclidean")
    assert verdict.sums[:, 0] == pytest.approx([wanted[:3].sum(), 0.0])
    assert verdict.sums[1].tolist() == [0.0, 0.0, 0.0]


def test_clusters_of_identical_points_are_perfect():
    # none of these values is a multiple of the grid's step, so means are rounded
    rows = np.repeat([[0.1, 0.7], [0.9, 0.3], [0.2, 0.2]], [7, 13, 2], axis=0)
    points, of = Points.of(rows), kernel.round_to_grid(rows[[0, 7, 20]], 24)
    (verdict,) = judged(points, [of])
    assert verdict.sums[:, 0] == pytest.approx([7, 13, 2], abs=1e-9)
    assert verdict.sums[:, 1:].tolist() == [[0.0, 0.0]] * 3
    found = scored(points, of)
    assert found.silhouette <= 1
    assert found.davies_bouldin == 0.0
    assert found.calinski_harabasz == 1.0


def test_all_points_identical_but_one():
    rows = np.array([[0.5, 0.5]] * 50 + [[0.5, 0.5 + 2.0**-20]])
    found = scored(Points.of(rows), rows[[0, 50]])
    labels = [0] * 50 + [1]
    assert found.silhouette == pytest.approx(metrics.silhouette_score(rows, labels, metric="sqeuclidean"))
    assert found.cluster_silhouettes.tolist() == [1.0, 0.0]


def test_tight_clusters_near_each_other_are_told_apart():
    rng = np.random.default_rng(0)
    rows = kernel.round_to_grid(np.concatenate([rng.normal(m, 1e-5, (100, 3)) for m in (0.5, 0.5001)]), 24)
    of = rows[[0, 100]]
    found, labels = scored(Points.of(rows), of), labels_of(rows, of)
    assert found.silhouette == pytest.approx(metrics.silhouette_score(rows, labels, metric="sqeuclidean"), abs=1e-6)
    assert found.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(rows, labels), rel=1e-6)


@pytest.mark.parametrize("most", [0, 40, 1 << 24])
def test_classes_are_counted_dense_or_sparse(monkeypatch, points, centres, most):
    monkeypatch.setattr(scoring, "_MAX_DENSE_COUNTS", most)
    monkeypatch.setattr(scoring, "_ELEMENTS", 4000)  # several chunks
    classes = np.random.default_rng(3).integers(-1, 7, len(points)).astype(np.int32)
    for verdict, of in zip(judged(Points.of(points), centres, classes, 7), centres, strict=True):
        wanted = np.zeros((len(of), 7), dtype=int)
        for label, given in zip(labels_of(points, of), classes, strict=True):
            if given >= 0:
                wanted[label, given] += 1
        assert verdict.pairs.tolist() == np.flatnonzero(wanted).tolist()
        assert verdict.counts.tolist() == wanted[wanted > 0].tolist()


def test_no_class_at_all_counts_nothing(points, centres):
    none = np.full(len(points), -1, dtype=np.int32)
    for verdict in judged(Points.of(points), centres, none, 3):
        assert verdict.pairs.size == verdict.counts.size == 0


@pytest.mark.parametrize("elements", [1, 5000, 1 << 20])
def test_the_size_of_chunks_does_not_matter(monkeypatch, points, centres, elements):
    wanted = judged(Points.of(points), centres)
    monkeypatch.setattr(scoring, "_ELEMENTS", elements)
    for a, b in zip(judged(Points.of(points), centres), wanted, strict=True):
        assert a.sums == pytest.approx(b.sums, abs=1e-11)


def test_parts_together_are_the_whole(points, centres):
    classes = np.random.default_rng(4).integers(-1, 5, len(points)).astype(np.int32)
    everything = known(Points.of(points), centres)
    whole = scoring.score_sums(Points.of(points), classes, 5, everything)
    cuts = [slice(0, 1), slice(1, 140), slice(140, 140), slice(140, 300)]
    parts = [scoring.score_sums(Points.of(points[cut]), classes[cut], 5, everything) for cut in cuts]
    for place, wanted in enumerate(whole):
        found = scoring.merge_score_sums([part[place] for part in parts])
        assert found.sums == pytest.approx(wanted.sums, abs=1e-11)
        assert found.pairs.tolist() == wanted.pairs.tolist()
        assert found.counts.tolist() == wanted.counts.tolist()
