"""Grids over duplicates, outliers, extreme scales and invalid vectors."""

import numpy as np
import pytest
from pyspark.ml.linalg import Vectors, VectorUDT
from pyspark.sql.types import StructField, StructType
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances

from segue.core.grid_result import GridOptions
from segue.errors import ClusteringError
from segue.kmeans_grid import engine
from segue.kmeans_grid.lloyd import LloydState

BLOCKS, DRIVER = 100, 10**6
"""Sample sizes with which the points are packed into blocks, or loaded to the driver."""


def options(sample, **other):
    return GridOptions(**{"restarts": 3, "max_iter": 8, "tol": 1e-6, "seed": 0, "sample_size": sample} | other)


def fitted(frame, ks, sample, **how):
    return engine.fit(frame, ks, options(sample), **{"id_column": "id"} | how)


def inertia(rows, centres):
    """Compute the inertia by its definition."""
    return float(pairwise_distances(rows, centres, metric="sqeuclidean").min(axis=1).sum())


@pytest.fixture(scope="module")
def duplicates():
    """Return 10,000 rows, of which 15 are distinct; one of these occurs only once."""
    rng = np.random.default_rng(0)
    return rng.random((15, 3))[np.concatenate([np.arange(15), rng.integers(0, 14, 9985)])]


@pytest.fixture(scope="module")
def duplicate_frame(frame_of, duplicates):
    return frame_of(duplicates, partitions=3)


@pytest.mark.parametrize("sample", [BLOCKS, DRIVER])
@pytest.mark.parametrize("id_column", ["id", None])
def test_many_exact_duplicates(duplicate_frame, duplicates, sample, id_column, caplog):
    # with ten restarts, the default, the inertia is within 0.4 % of the best
    ten = options(sample, restarts=10)
    three, fifteen = engine.fit(duplicate_frame, [3, 15, 16, 40], ten, id_column=id_column)
    distinct, counts = np.unique(duplicates, axis=0, return_counts=True)
    best = KMeans(3, n_init=100, random_state=0, tol=0).fit(distinct, sample_weight=counts).inertia_
    assert three.inertia == pytest.approx(best, rel=0.004)
    assert "only 15 distinct tracks" in caplog.text
    assert fifteen.k == 15
    assert fifteen.inertia == pytest.approx(0, abs=1e-9)
    assert fifteen.silhouette == pytest.approx(1 - 1 / 10_000)  # the cluster of one point has silhouette 0
    assert sorted(fifteen.sizes) == sorted(counts)


@pytest.mark.parametrize("id_column", ["id", None])
def test_as_many_clusters_as_distinct_points_have_no_inertia(duplicate_frame, id_column):
    (fit,) = fitted(duplicate_frame, [15], BLOCKS, id_column=id_column)
    assert fit.inertia == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("sample", [BLOCKS, DRIVER])
def test_fewer_points_than_the_smallest_k_are_an_error(duplicate_frame, frame_of, sample):
    with pytest.raises(ClusteringError, match="15 distinct tracks by the chosen features, expected at least 16"):
        fitted(duplicate_frame, [16, 17], sample)
    with pytest.raises(ClusteringError, match="1 distinct track by the chosen features, expected at least 2"):
        fitted(frame_of([[0.3, 0.4]] * 150), [2, 3], sample)


@pytest.fixture(scope="module")
def outlier_rows():
    """Return two groups and one distant point, with a constant third feature."""
    rng = np.random.default_rng(1)
    groups = np.repeat([[0.0, 0.1], [0.1, 0.0]], 300, axis=0) + rng.normal(0, 0.005, (600, 2))
    return np.column_stack([np.vstack([groups, [[1.0, 1.0]]]), np.full(601, 0.7)])


@pytest.mark.parametrize("sample", [BLOCKS, DRIVER])
def test_an_outlier_and_a_constant_feature(frame_of, outlier_rows, sample):
    (fit,) = fitted(frame_of(outlier_rows), [3], sample)
    assert sorted(fit.sizes) == [1, 300, 300]
    alone = int(fit.sizes.argmin())
    assert fit.centres[alone] == pytest.approx([1.0, 1.0, 0.7], abs=1e-7)
    assert fit.cluster_silhouettes[alone] == 0
    assert fit.centres[:, 2] == pytest.approx(0.7, abs=1e-7)


def test_a_cluster_of_one_in_a_thousand_points_is_detected(frame_of):
    rng = np.random.default_rng(2)
    near = np.repeat([[0.1, 0.1], [0.2, 0.3]], 4995, axis=0) + rng.normal(0, 0.01, (9990, 2))
    far = np.array([0.9, 0.8]) + rng.normal(0, 0.01, (10, 2))
    (fit,) = fitted(frame_of(np.vstack([near, far])), [3], 1000)
    assert sorted(fit.sizes) == [10, 4995, 4995]


@pytest.fixture(scope="module")
def cloud():
    return np.random.default_rng(3).random((400, 2))


@pytest.fixture(scope="module")
def cloud_frame(frame_of, cloud):
    return frame_of(cloud)


@pytest.mark.parametrize("sample", [BLOCKS, DRIVER])
def test_a_grid_of_distant_ks(cloud_frame, cloud, sample):
    fits = fitted(cloud_frame, [5, 10, 50], sample)
    assert [fit.k for fit in fits] == [5, 10, 50]
    for fit in fits:
        best = KMeans(fit.k, n_init=5, random_state=0, tol=0).fit(cloud).inertia_
        assert inertia(cloud, fit.centres) == pytest.approx(fit.inertia, rel=1e-6)
        assert fit.inertia <= best * (1.02 if sample == DRIVER else 1.15)


@pytest.mark.parametrize("sample", [250, DRIVER])
def test_two_hundred_clusters(cloud_frame, cloud, sample):
    (fit,) = engine.fit(cloud_frame, [200], options(sample, restarts=1), id_column="id")
    assert (fit.sizes > 0).all()
    assert inertia(cloud, fit.centres) == pytest.approx(fit.inertia, rel=1e-6)


def test_as_many_clusters_as_points(cloud_frame, cloud):
    (fit,) = engine.fit(cloud_frame, [400], options(DRIVER, restarts=1))
    assert fit.sizes.tolist() == [1] * 400
    assert fit.inertia == pytest.approx(0, abs=1e-10)
    assert fit.silhouette == 0  # each cluster has one point


@pytest.mark.parametrize("sample", [BLOCKS, DRIVER])
@pytest.mark.parametrize("power", [20, -20])
def test_a_power_of_two_changes_only_the_scale(frame_of, cloud_frame, cloud, sample, power):
    # a power of two changes only the exponents of the floats, of points and of centres
    scaled = frame_of(np.ldexp(cloud, power))
    (expected,), (result,) = (engine.fit(f, [4], options(sample, tol=0), id_column="id") for f in (cloud_frame, scaled))
    assert np.array_equal(result.centres, np.ldexp(expected.centres, power))
    assert result.inertia == pytest.approx(np.ldexp(expected.inertia, 2 * power), rel=1e-9)
    for name in ("silhouette", "davies_bouldin", "calinski_harabasz"):
        assert getattr(result, name) == pytest.approx(getattr(expected, name), rel=1e-9)


@pytest.mark.parametrize("sample", [BLOCKS, DRIVER])
def test_twelve_standardised_features(frame_of, sample):
    rng = np.random.default_rng(4)
    rows = np.repeat(rng.normal(0, 3, (3, 12)), 100, axis=0) + rng.normal(0, 1, (300, 12))
    (fit,) = fitted(frame_of(rows), [3], sample)
    best = KMeans(3, n_init=5, random_state=0, tol=0).fit(rows)
    assert fit.inertia == pytest.approx(best.inertia_, rel=1e-6)
    order = [np.argsort(centres[:, 0]) for centres in (fit.centres, best.cluster_centers_)]
    assert fit.centres[order[0]] == pytest.approx(best.cluster_centers_[order[1]], abs=1e-5)


def test_empty_clusters_are_filled_alike_for_any_partitions(frame_of, cloud, monkeypatch):
    # no point is nearest to the last centre
    begin = np.array([[0.25, 0.25], [0.75, 0.75], [0.25, 0.75], [-1.0, -1.0]])
    monkeypatch.setattr(engine, "_search", lambda *_: [LloydState(begin)])
    few = options(BLOCKS, max_iter=3)
    (one,), (other,) = (engine.fit(frame_of(cloud, partitions=n), [4], few, id_column="id") for n in (1, 4))
    assert np.array_equal(one.centres, other.centres)
    assert (one.sizes > 0).all()
    assert one.inertia <= KMeans(4, n_init=5, random_state=0).fit(cloud).inertia_ * 1.3


INVALID = {
    "null": [None],
    "NaN": [[0.5, float("nan")]],
    "infinite": [[0.5, float("inf")]],
    "minus infinite": [[float("-inf"), 0.5]],
    "too short": [[0.5]],
    "two lengths with the right sum": [[0.5], [0.5, 0.5, 0.5]],
    "empty": [[]],
}


@pytest.mark.parametrize(("sample", "bound"), [(BLOCKS, 1.0), (DRIVER, None)], ids=["in blocks", "on the driver"])
@pytest.mark.parametrize("vectors", INVALID.values(), ids=INVALID)
def test_invalid_vectors_are_an_error(spark, cloud_frame, vectors, sample, bound):
    schema = StructType([StructField("point", VectorUDT())])
    few = spark.createDataFrame([(None if row is None else Vectors.dense(row),) for row in vectors], schema)
    # in a partition of their own
    points = cloud_frame.select("point").unionAll(few.coalesce(1))
    with pytest.raises(
        ClusteringError, match=r"of 40[12] points have a value that is missing|others 2; expected equally many"
    ):
        engine.fit(points, [2], options(sample), bound=bound)


def test_a_value_that_is_not_finite_is_an_error(spark, cloud_frame):
    schema = StructType([StructField("point", VectorUDT())])
    points = cloud_frame.select("point").unionAll(spark.createDataFrame([(Vectors.dense([0.5, np.nan]),)], schema))
    with pytest.raises(ClusteringError, match="the largest value of point is nan"):
        engine.fit(points, [2], options(BLOCKS))


@pytest.mark.parametrize("sample", [0, DRIVER])
def test_no_points_are_an_error(cloud_frame, sample):
    with pytest.raises(ClusteringError, match="no points to cluster"):
        engine.fit(cloud_frame.where("id = ''"), [2], options(sample))


def test_values_beyond_the_bound_are_an_error(frame_of, cloud):
    with pytest.raises(ClusteringError, match="out of range"):
        fitted(frame_of(cloud * 3), [2], BLOCKS, bound=1.0)
