"""What real catalogues and other people's vectors look like at their worst."""

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


def budget(sample, **other):
    return GridOptions(**{"restarts": 3, "max_iter": 8, "tol": 1e-6, "seed": 0, "sample": sample} | other)


def fitted(frame, ks, sample, **how):
    return engine.fit(frame, ks, budget(sample), **{"id_column": "id"} | how)


def inertia(rows, centres):
    """Straight from the definition."""
    return float(pairwise_distances(rows, centres, metric="sqeuclidean").min(axis=1).sum())


@pytest.fixture(scope="module")
def duplicates():
    """10,000 rows, 15 of them different; one occurs once."""
    rng = np.random.default_rng(0)
    return rng.random((15, 3))[np.concatenate([np.arange(15), rng.integers(0, 14, 9985)])]


@pytest.fixture(scope="module")
def duplicate_frame(frame_of, duplicates):
    return frame_of(duplicates, partitions=3)


@pytest.mark.parametrize("sample", [BLOCKS, DRIVER])
@pytest.mark.parametrize("id_column", ["id", None])
def test_many_exact_duplicates(duplicate_frame, duplicates, sample, id_column, caplog):
    # ten restarts, as is the default; a local optimum is within 0.4 %
    ten = budget(sample, restarts=10)
    three, fifteen = engine.fit(duplicate_frame, [3, 15, 16, 40], ten, id_column=id_column)
    different, counts = np.unique(duplicates, axis=0, return_counts=True)
    best = KMeans(3, n_init=100, random_state=0, tol=0).fit(different, sample_weight=counts).inertia_
    assert three.inertia == pytest.approx(best, rel=0.004)
    assert "only 15 distinct tracks" in caplog.text
    assert fifteen.k == 15
    assert fifteen.inertia == pytest.approx(0, abs=1e-9)
    assert fifteen.silhouette == pytest.approx(1 - 1 / 10_000)  # the one that is alone has 0
    assert sorted(fifteen.sizes) == sorted(counts)


@pytest.mark.parametrize("id_column", ["id", None])
def test_every_different_point_is_found_where_the_grid_asks_for_them(duplicate_frame, id_column):
    (fit,) = fitted(duplicate_frame, [15], BLOCKS, id_column=id_column)
    assert fit.inertia == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("sample", [BLOCKS, DRIVER])
def test_fewer_points_than_the_least_k_is_an_error_with_their_number(duplicate_frame, frame_of, sample):
    with pytest.raises(ClusteringError, match="15 distinct tracks by the chosen features, wanted at least 16"):
        fitted(duplicate_frame, [16, 17], sample)
    with pytest.raises(ClusteringError, match="1 distinct track by the chosen features, wanted at least 2"):
        fitted(frame_of([[0.3, 0.4]] * 150), [2, 3], sample)


@pytest.fixture(scope="module")
def outlier_rows():
    """Two groups, and one point far from all; the third feature is constant."""
    rng = np.random.default_rng(1)
    groups = np.repeat([[0.0, 0.1], [0.1, 0.0]], 300, axis=0) + rng.normal(0, 0.005, (600, 2))
    return np.column_stack([np.vstack([groups, [[1.0, 1.0]]]), np.full(601, 0.7)])


@pytest.mark.parametrize("sample", [BLOCKS, DRIVER])
def test_one_point_far_from_all_and_a_constant_feature(frame_of, outlier_rows, sample):
    (fit,) = fitted(frame_of(outlier_rows), [3], sample)
    assert sorted(fit.sizes) == [1, 300, 300]
    alone = int(fit.sizes.argmin())
    assert fit.centres[alone] == pytest.approx([1.0, 1.0, 0.7], abs=1e-7)
    assert fit.cluster_silhouettes[alone] == 0
    assert fit.centres[:, 2] == pytest.approx(0.7, abs=1e-7)


def test_a_cluster_of_one_in_a_thousand_is_found_at_its_k(frame_of):
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
def test_a_grid_with_gaps(cloud_frame, cloud, sample):
    fits = fitted(cloud_frame, [5, 10, 50], sample)
    assert [fit.k for fit in fits] == [5, 10, 50]
    for fit in fits:
        best = KMeans(fit.k, n_init=5, random_state=0, tol=0).fit(cloud).inertia_
        assert inertia(cloud, fit.centres) == pytest.approx(fit.inertia, rel=1e-6)
        assert fit.inertia <= best * (1.02 if sample == DRIVER else 1.15)


@pytest.mark.parametrize("sample", [250, DRIVER])
def test_two_hundred_clusters(cloud_frame, cloud, sample):
    (fit,) = engine.fit(cloud_frame, [200], budget(sample, restarts=1), id_column="id")
    assert (fit.sizes > 0).all()
    assert inertia(cloud, fit.centres) == pytest.approx(fit.inertia, rel=1e-6)


def test_as_many_clusters_as_points(cloud_frame, cloud):
    (fit,) = engine.fit(cloud_frame, [400], budget(DRIVER, restarts=1))
    assert fit.sizes.tolist() == [1] * 400
    assert fit.inertia == pytest.approx(0, abs=1e-10)
    assert fit.silhouette == 0  # each point is alone


@pytest.mark.parametrize("sample", [BLOCKS, DRIVER])
@pytest.mark.parametrize("power", [20, -20])
def test_large_and_small_values_change_nothing_but_the_scale(frame_of, cloud_frame, cloud, sample, power):
    # a power of two changes no digit, so the centres too must be the same but for that power
    scaled = frame_of(np.ldexp(cloud, power))
    (wanted,), (found,) = (engine.fit(f, [4], budget(sample, tol=0), id_column="id") for f in (cloud_frame, scaled))
    assert np.array_equal(found.centres, np.ldexp(wanted.centres, power))
    assert found.inertia == pytest.approx(np.ldexp(wanted.inertia, 2 * power), rel=1e-9)
    for name in ("silhouette", "davies_bouldin", "calinski_harabasz"):
        assert getattr(found, name) == pytest.approx(getattr(wanted, name), rel=1e-9)


@pytest.mark.parametrize("sample", [BLOCKS, DRIVER])
def test_twelve_standardised_features(frame_of, sample):
    rng = np.random.default_rng(4)
    rows = np.repeat(rng.normal(0, 3, (3, 12)), 100, axis=0) + rng.normal(0, 1, (300, 12))
    (fit,) = fitted(frame_of(rows), [3], sample)
    best = KMeans(3, n_init=5, random_state=0, tol=0).fit(rows)
    assert fit.inertia == pytest.approx(best.inertia_, rel=1e-6)
    order = [np.argsort(centres[:, 0]) for centres in (fit.centres, best.cluster_centers_)]
    assert fit.centres[order[0]] == pytest.approx(best.cluster_centers_[order[1]], abs=1e-5)


def test_a_cluster_that_empties_is_filled_alike_whatever_the_partitions(frame_of, cloud, monkeypatch):
    # no point is nearest to the last centre
    begin = np.array([[0.25, 0.25], [0.75, 0.75], [0.25, 0.75], [-1.0, -1.0]])
    monkeypatch.setattr(engine, "_search", lambda *_: [LloydState(begin)])
    few = budget(BLOCKS, max_iter=3)
    (one,), (other,) = (engine.fit(frame_of(cloud, partitions=n), [4], few, id_column="id") for n in (1, 4))
    assert np.array_equal(one.centres, other.centres)
    assert (one.sizes > 0).all()
    assert one.inertia <= KMeans(4, n_init=5, random_state=0).fit(cloud).inertia_ * 1.3


STRANGE = {
    "null": [None],
    "NaN": [[0.5, float("nan")]],
    "infinite": [[0.5, float("inf")]],
    "minus infinite": [[float("-inf"), 0.5]],
    "too short": [[0.5]],
    "of two lengths that make up for each other": [[0.5], [0.5, 0.5, 0.5]],
    "empty": [[]],
}


@pytest.mark.parametrize(("sample", "bound"), [(BLOCKS, 1.0), (DRIVER, None)], ids=["in blocks", "on the driver"])
@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
def test_strange_vectors_are_a_clear_error(spark, cloud_frame, strange, sample, bound):
    schema = StructType([StructField("point", VectorUDT())])
    few = spark.createDataFrame([(None if row is None else Vectors.dense(row),) for row in strange], schema)
    # in a partition of their own
    points = cloud_frame.select("point").unionAll(few.coalesce(1))
    with pytest.raises(
        ClusteringError, match=r"of 40[12] points have a value that is missing|others 2; wanted as many"
    ):
        engine.fit(points, [2], budget(sample), bound=bound)


def test_a_largest_value_that_is_no_number_is_a_clear_error(spark, cloud_frame):
    schema = StructType([StructField("point", VectorUDT())])
    points = cloud_frame.select("point").unionAll(spark.createDataFrame([(Vectors.dense([0.5, np.nan]),)], schema))
    with pytest.raises(ClusteringError, match="the largest value of point is nan"):
        engine.fit(points, [2], budget(BLOCKS))


@pytest.mark.parametrize("sample", [0, DRIVER])
def test_no_points_at_all_are_a_clear_error(cloud_frame, sample):
    with pytest.raises(ClusteringError, match="no points"):
        engine.fit(cloud_frame.where("id = ''"), [2], budget(sample))


def test_a_bound_that_does_not_hold_is_a_clear_error(frame_of, cloud):
    with pytest.raises(ClusteringError, match="out of range"):
        fitted(frame_of(cloud * 3), [2], BLOCKS, bound=1.0)
