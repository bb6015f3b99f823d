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
    return kernel.round_to_fixed_point(np.random.default_rng(0).random((300, 4)), 24)


@pytest.fixture(scope="module")
def centres(points):
    return [points[:2], points[5:10], points[20:50]]


def stats_of(points, sets):
    return [CentreStats.of(c, total) for c, total in zip(sets, kernel.centre_sums(points, sets), strict=True)]


def score_sums(points, sets, classes=None, n_classes=0):
    return scoring.score_sums(points, classes, n_classes, stats_of(points, sets))


def labels_of(rows, centres):
    return pairwise_distances(rows, centres).argmin(axis=1)


def by_cluster(values, labels, k):
    return np.bincount(labels, weights=values, minlength=k)


def test_sums_of_each_cluster_equal_scikit_learn(points, centres):
    for scores, k_centres in zip(score_sums(Points.of(points), centres), centres, strict=True):
        labels, k = labels_of(points, k_centres), len(k_centres)
        means = np.stack([points[labels == c].mean(axis=0) for c in range(k)])
        silhouettes = metrics.silhouette_samples(points, labels, metric="sqeuclidean")
        distances = np.linalg.norm(points - means[labels], axis=1)
        for column, values in enumerate((silhouettes, distances, distances**2)):
            assert scores.sums[:, column] == pytest.approx(by_cluster(values, labels, k), abs=1e-9)
        assert scores.pairs.size == scores.counts.size == 0


def scored(points, k_centres):
    """Score one clustering in the same way as the engine."""
    ((sums,), (scores,)) = kernel.centre_sums(points, [k_centres]), score_sums(points, [k_centres])
    stats = CentreStats.of(k_centres, sums)
    cluster_sums = grid_result.ClusterSums(stats.sizes.astype(int), stats.means, *scores.sums.T)
    return grid_result.fit_from_sums(
        k_centres, cluster_sums, Agreement(None, None, None), engine="", restarts=1, iterations=1
    )


def test_scores_equal_scikit_learn(points, centres):
    for k_centres in centres:
        result, labels = scored(Points.of(points), k_centres), labels_of(points, k_centres)
        assert result.silhouette == pytest.approx(metrics.silhouette_score(points, labels, metric="sqeuclidean"))
        assert result.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(points, labels), rel=1e-9)
        assert result.calinski_harabasz == pytest.approx(metrics.calinski_harabasz_score(points, labels), rel=1e-9)
        # the centres are not the means of their points
        distances = pairwise_distances(points, k_centres, metric="sqeuclidean").min(axis=1)
        assert result.inertia == pytest.approx(distances.sum(), rel=1e-12)


def test_weights_equal_repeated_points(points, centres):
    weights = np.random.default_rng(1).integers(1, 4, len(points))
    classes = np.random.default_rng(2).integers(-1, 3, len(points)).astype(np.int32)
    weighted = score_sums(Points.of(points, weights), centres, classes, 3)
    repeated = score_sums(Points.of(np.repeat(points, weights, axis=0)), centres, np.repeat(classes, weights), 3)
    for a, b in zip(weighted, repeated, strict=True):
        assert a.sums == pytest.approx(b.sums, abs=1e-9)
        assert (a.pairs.tolist(), a.counts.tolist()) == (b.pairs.tolist(), b.counts.tolist())


def test_a_single_point_has_silhouette_0():
    rows = np.array([[0.0], [0.125], [0.25], [1.0]])
    (scores,) = score_sums(Points.of(rows), [np.array([[0.125], [1.0]])])
    expected = metrics.silhouette_samples(rows, [0, 0, 0, 1], metric="sqeuclidean")
    assert scores.sums[:, 0] == pytest.approx([expected[:3].sum(), 0.0])
    assert scores.sums[1].tolist() == [0.0, 0.0, 0.0]


def test_clusters_of_coincident_points_have_silhouette_1():
    # no value is a multiple of 2^-24, so that means are rounded
    rows = np.repeat([[0.1, 0.7], [0.9, 0.3], [0.2, 0.2]], [7, 13, 2], axis=0)
    points, k_centres = Points.of(rows), kernel.round_to_fixed_point(rows[[0, 7, 20]], 24)
    (scores,) = score_sums(points, [k_centres])
    assert scores.sums[:, 0] == pytest.approx([7, 13, 2], abs=1e-9)
    assert scores.sums[:, 1:].tolist() == [[0.0, 0.0]] * 3
    result = scored(points, k_centres)
    assert result.silhouette <= 1
    assert result.davies_bouldin == 0.0
    assert result.calinski_harabasz == 1.0


def test_coincident_points_and_one_near_them():
    rows = np.array([[0.5, 0.5]] * 50 + [[0.5, 0.5 + 2.0**-20]])
    result = scored(Points.of(rows), rows[[0, 50]])
    labels = [0] * 50 + [1]
    assert result.silhouette == pytest.approx(metrics.silhouette_score(rows, labels, metric="sqeuclidean"))
    assert result.cluster_silhouettes.tolist() == [1.0, 0.0]


def test_scores_of_tight_clusters_near_each_other():
    rng = np.random.default_rng(0)
    rows = kernel.round_to_fixed_point(np.concatenate([rng.normal(m, 1e-5, (100, 3)) for m in (0.5, 0.5001)]), 24)
    k_centres = rows[[0, 100]]
    result, labels = scored(Points.of(rows), k_centres), labels_of(rows, k_centres)
    assert result.silhouette == pytest.approx(metrics.silhouette_score(rows, labels, metric="sqeuclidean"), abs=1e-6)
    assert result.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(rows, labels), rel=1e-6)


@pytest.mark.parametrize("max_dense", [0, 40, 1 << 24])
def test_classes_are_counted_dense_or_sparse(monkeypatch, points, centres, max_dense):
    monkeypatch.setattr(scoring, "_MAX_DENSE_COUNTS", max_dense)
    monkeypatch.setattr(scoring, "_ELEMENTS", 4000)  # several chunks
    classes = np.random.default_rng(3).integers(-1, 7, len(points)).astype(np.int32)
    for scores, k_centres in zip(score_sums(Points.of(points), centres, classes, 7), centres, strict=True):
        expected = np.zeros((len(k_centres), 7), dtype=int)
        for label, code in zip(labels_of(points, k_centres), classes, strict=True):
            if code >= 0:
                expected[label, code] += 1
        assert scores.pairs.tolist() == np.flatnonzero(expected).tolist()
        assert scores.counts.tolist() == expected[expected > 0].tolist()


def test_points_without_classes_are_not_counted(points, centres):
    none = np.full(len(points), -1, dtype=np.int32)
    for scores in score_sums(Points.of(points), centres, none, 3):
        assert scores.pairs.size == scores.counts.size == 0


@pytest.mark.parametrize("elements", [1, 5000, 1 << 20])
def test_scores_do_not_depend_on_the_size_of_chunks(monkeypatch, points, centres, elements):
    expected = score_sums(Points.of(points), centres)
    monkeypatch.setattr(scoring, "_ELEMENTS", elements)
    for a, b in zip(score_sums(Points.of(points), centres), expected, strict=True):
        assert a.sums == pytest.approx(b.sums, abs=1e-11)


def test_merged_parts_equal_the_whole(points, centres):
    classes = np.random.default_rng(4).integers(-1, 5, len(points)).astype(np.int32)
    stats = stats_of(Points.of(points), centres)
    whole = scoring.score_sums(Points.of(points), classes, 5, stats)
    cuts = [slice(0, 1), slice(1, 140), slice(140, 140), slice(140, 300)]
    parts = [scoring.score_sums(Points.of(points[cut]), classes[cut], 5, stats) for cut in cuts]
    for index, expected in enumerate(whole):
        result = scoring.merge_score_sums([part[index] for part in parts])
        assert result.sums == pytest.approx(expected.sums, abs=1e-11)
        assert result.pairs.tolist() == expected.pairs.tolist()
        assert result.counts.tolist() == expected.counts.tolist()
