"""Fisher's discriminants against scikit-learn, and what they explain against the definition."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LinearRegression

from segue.clustering.discriminants import ClassSums, explained_shares, fisher_directions, learn, project

N_CLASSES, N_FEATURES = 4, 5


def points(seed, n=600, spread=(3.0, 1.0, 0.3, 0.0, 0.0)):
    """Return points and classes of unequal sizes; the means of the classes differ by ``spread`` along each feature."""
    rng = np.random.default_rng(seed)
    classes = rng.choice(N_CLASSES, n, p=[0.4, 0.3, 0.2, 0.1])
    means = np.random.default_rng(5).normal(size=(N_CLASSES, N_FEATURES)) * spread
    mixed = np.random.default_rng(6).normal(size=(N_FEATURES, N_FEATURES))
    return (means[classes] + rng.normal(size=(n, N_FEATURES))) @ mixed, classes


def sums(rows, classes):
    """Return the sums of the points of every class."""
    indicators = np.eye(N_CLASSES)[classes]
    return ClassSums(indicators.sum(0), indicators.T @ rows, rows.T @ rows)


def unit(vectors):
    """Return the columns with length 1 and a positive first entry: equal up to sign and scale."""
    return vectors / np.linalg.norm(vectors, axis=0) * np.sign(vectors[0])


@pytest.mark.parametrize("shrinkage", [0.001, 0.1, 0.5])
def test_directions_equal_scikit_learns_up_to_sign_and_scale(shrinkage):
    rows, classes = points(1)
    expected = LinearDiscriminantAnalysis(solver="eigen", shrinkage=shrinkage).fit(rows, classes)
    eigenvalues, directions = fisher_directions(
        sums(rows[:200], classes[:200]) + sums(rows[200:], classes[200:]), shrinkage
    )
    assert directions.shape == (N_FEATURES, N_CLASSES - 1)
    assert unit(directions) == pytest.approx(unit(expected.scalings_[:, : N_CLASSES - 1]), abs=1e-6)
    assert np.var(rows @ directions, axis=0) == pytest.approx(np.ones(N_CLASSES - 1))
    ratios = expected.explained_variance_ratio_[: N_CLASSES - 1]
    assert eigenvalues / eigenvalues[0] == pytest.approx(ratios / ratios[0])


def test_a_constant_feature_has_no_part():
    rows, classes = points(2)
    rows[:, 1] = 0.0
    _, directions = fisher_directions(sums(rows, classes), 0.01)
    assert np.isfinite(directions).all()
    assert np.abs(directions[1]).max() < 1e-9


def test_explained_share_is_that_of_a_regression_on_the_discriminants():
    (rows, classes), (others, other_classes) = points(3), points(4, 400)
    _, directions = fisher_directions(sums(rows, classes), 0.03)
    share = np.bincount(classes) / len(classes)
    indicators, other_indicators = (np.eye(N_CLASSES)[each] / np.sqrt(share) for each in (classes, other_classes))
    expected = []
    for n in (1, 2, 3):
        model = LinearRegression().fit(rows @ directions[:, :n], indicators)
        residuals = other_indicators - model.predict(others @ directions[:, :n])
        expected.append(1 - (residuals**2).sum() / ((other_indicators - indicators.mean(0)) ** 2).sum())
    explained = explained_shares(sums(rows, classes), sums(others, other_classes), 0.03)
    assert explained == pytest.approx(np.array(expected), abs=1e-9)


def test_only_directions_that_hold_on_other_tracks_are_used():
    rng = np.random.default_rng(7)
    classes = rng.choice(N_CLASSES, 300)
    rows = rng.normal(size=(300, N_FEATURES))
    rows[:, 0] += 3 * classes
    # whatever separates the classes by chance does so the other way round in the mirrored part
    mirrored = rows * [1, -1, -1, -1, -1]
    learned = learn([sums(rows, classes), sums(mirrored, classes)], "abcd", np.zeros(N_FEATURES), np.ones(N_FEATURES))
    assert learned.names == ("discriminant_1",)
    assert learned.n_tracks == 600
    assert unit(learned.matrix).ravel() == pytest.approx([1, 0, 0, 0, 0], abs=1e-9)


def test_loadings_invert_the_projection_and_weights_are_correlations():
    parts = [sums(*points(seed)) for seed in (9, 10)]
    mean, deviation = np.arange(N_FEATURES) + 0.5, np.arange(N_FEATURES) + 2.0
    learned = learn(parts, "abcd", mean, deviation)
    values = np.random.default_rng(0).normal(size=(7, learned.matrix.shape[1]))
    assert project(mean + values @ learned.loadings, mean, learned.matrix) == pytest.approx(values)
    assert learned.weights[0] == 1.0
    assert (np.diff(learned.weights) < 0).all()
    both = parts[0] + parts[1]
    eigenvalues, _ = fisher_directions(both, learned.shrinkage)
    correlations = np.sqrt(eigenvalues / (1 + eigenvalues))
    assert learned.weights == pytest.approx(correlations[: len(learned.weights)] / correlations[0])


def test_one_class_is_refused_and_a_part_of_one_class_is_not_compared():
    rows, classes = points(11)
    only = sums(rows[classes == 0], classes[classes == 0])
    with pytest.raises(ValueError, match="1 class, expected at least 2"):
        learn([only, only], "abcd", np.zeros(N_FEATURES), np.ones(N_FEATURES))
    learned = learn([only, sums(rows, classes)], "abcd", np.zeros(N_FEATURES), np.ones(N_FEATURES))
    assert (learned.explained, len(learned.names)) == (None, N_CLASSES - 1)
