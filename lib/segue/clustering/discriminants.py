"""Learn Fisher's linear discriminants of known classes, such as genres, and choose how many of them to use.

No rows are needed, only sums: the number and the sum of each class's points, and the sum of x x' over all points x.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

Matrix = NDArray[np.float64]

SHRINKAGES = (0.001, 0.01, 0.03, 0.1, 0.3)
"""Shrinkages of the covariance matrix to compare by cross-validation.

All are above 0, because the covariance of linearly dependent features is singular.
"""
_DEFAULT_SHRINKAGE = 0.03
"""The shrinkage to use if cross-validation is impossible, see ``_choose``."""
_MIN_EIGENVALUE = 1e-9


@dataclass(frozen=True, slots=True)
class ClassSums:
    """Sums over points of known classes, such as tracks by genre. Discriminants are learned from these sums.

    ``a + b`` has the sums over the points of both ``a`` and ``b``.
    """

    counts: Matrix
    """Number of points of each class, shape (n_classes,)."""
    sums: Matrix
    """Sum of the points of each class, shape (n_classes, n_features)."""
    products: Matrix
    """Sum of x x' over the points x of all classes, shape (n_features, n_features)."""

    def __add__(self, other: "ClassSums") -> "ClassSums":
        return ClassSums(self.counts + other.counts, self.sums + other.sums, self.products + other.products)

    @property
    def n_points(self) -> int:
        """The number of points of all classes."""
        return int(self.counts.sum())

    @property
    def n_classes(self) -> int:
        """The number of classes with points."""
        return int((self.counts > 0).sum())

    @property
    def mean(self) -> Matrix:
        """The mean of all points, shape (n_features,)."""
        mean: Matrix = self.sums.sum(axis=0) / self.n_points
        return mean


@dataclass(frozen=True, slots=True, eq=False)
class Discriminants:
    """Linear functions of the features that separate genres: (x - mean) @ matrix.

    The discriminant that separates the genres best comes first. Over the training tracks with one of the genres
    ``classes``, each discriminant has standard deviation 1. If ``shrinkage`` is small, the discriminants are almost
    uncorrelated.
    """

    classes: tuple[str, ...]
    """The genres to be separated, the most frequent first."""
    mean: Matrix
    """Mean of each feature over all training tracks, after imputation and logarithm, shape (n_features,)."""
    deviation: Matrix
    """Standard deviation of each feature over all training tracks, after imputation and logarithm, shape (n_features,).

    0 for a constant feature.
    """
    matrix: Matrix
    """Coefficients of the linear functions, shape (n_features, n_discriminants)."""
    weights: Matrix
    """Factor of each discriminant, shape (n_discriminants,).

    The factor is the discriminant's canonical correlation with the classes, divided by the largest correlation.
    """
    loadings: Matrix
    """Coefficients of the regression that predicts features from discriminants, shape (n_discriminants, n_features)."""
    shrinkage: float
    n_tracks: int
    """Number of training tracks with one of the genres ``classes``."""
    explained: float | None
    """Share of variance (R²) explained by the discriminants, from two-fold cross-validation; see ``explained_shares``.

    None if cross-validation was impossible, for example because a fold has fewer than two genres.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the discriminants: ``discriminant_1``, ``discriminant_2`` and so on."""
        return tuple(f"discriminant_{index + 1}" for index in range(self.matrix.shape[1]))

    def expressions(self, columns: Sequence[str]) -> list[str]:
        """Return an SQL expression for each discriminant: "(`bpm` - (120.0D)) * (0.5D) + (`energy` - …".

        ``columns`` names one column per feature, after imputation and logarithm. Terms are added in the order of the
        features. So the values have the same bits as those of ``project``.
        """
        return [
            " + ".join(
                f"(`{column}` - ({float(mean)!r}D)) * ({float(factor)!r}D)"
                for column, mean, factor in zip(columns, self.mean, factors, strict=True)
            )
            for factors in self.matrix.T
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the discriminants as a dict for ``model.json``, without ``loadings`` and ``weights``.

        ``ModelCard.weights`` has the weights.
        """
        return {
            "guide": "genre",
            "classes": list(self.classes),
            "n_tracks": self.n_tracks,
            "shrinkage": self.shrinkage,
            "explained": self.explained,
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
            "matrix": self.matrix.tolist(),
        }


def project(values: Matrix, mean: Matrix, matrix: Matrix) -> Matrix:
    """Compute discriminants from features: return (values - mean) @ matrix, shape (n_tracks, n_discriminants).

    Terms are added in the order of the features. So the result has the same bits as ``Discriminants.expressions``.

    Parameters
    ----------
    values : features, shape (n_tracks, n_features)
    mean : shape (n_features,)
    matrix : shape (n_features, n_discriminants)
    """
    terms = [(values[:, [index]] - mean[index]) * matrix[index] for index in range(len(mean))]
    return reduce(np.add, terms)


def fisher_directions(sums: ClassSums, shrinkage: float) -> tuple[Matrix, Matrix]:
    """Return the eigenvalues and directions of Fisher's discriminants, by descending eigenvalue. O(n_features^3).

    The directions w and eigenvalues v solve B w = v W w. W is the covariance within the classes and B the covariance
    between them, both shrunk towards a multiple of the identity, as by scikit-learn's
    LinearDiscriminantAnalysis(solver="eigen").

    Parameters
    ----------
    sums : sums of at least two classes
    shrinkage : weight of the identity, above 0 and at most 1

    Returns
    -------
    eigenvalues : array of shape (n,)
        n is at most n_features and n_classes - 1. Directions with an eigenvalue of 0, and directions along which the
        points do not vary, are left out.
    directions : array of shape (n_features, n)
        Each direction has variance 1 over all points; its entry of largest absolute value is positive.

    References
    ----------
    R. A. Fisher (1936), "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7, 179-188.
    J. H. Friedman (1989), "Regularized discriminant analysis", J. Am. Stat. Assoc. 84, 165-175.
    """
    total = sums.products / sums.n_points - np.outer(sums.mean, sums.mean)
    has_points = sums.counts > 0
    offsets = sums.sums[has_points] / sums.counts[has_points, None] - sums.mean
    between = (offsets.T * sums.counts[has_points]) @ offsets / sums.n_points
    within = _shrunk(total - between, shrinkage)
    eigenvalues, vectors = eigh(_shrunk(total, shrinkage) - within, within)
    order = np.argsort(-eigenvalues, kind="stable")[: sums.n_classes - 1]
    order = order[(eigenvalues[order] > _MIN_EIGENVALUE) & (_variances(vectors, total)[order] > _MIN_EIGENVALUE)]
    directions = vectors[:, order] / np.sqrt(_variances(vectors[:, order], total))
    largest = np.abs(directions).argmax(axis=0)
    directions *= np.sign(directions[largest, np.arange(len(order))])
    return eigenvalues[order], directions


def _shrunk(covariance: Matrix, shrinkage: float) -> Matrix:
    """Return (1 - shrinkage) * covariance + shrinkage * (mean of the variances) * identity."""
    n_features = len(covariance)
    shrunk: Matrix = (1 - shrinkage) * covariance
    shrunk += shrinkage * np.trace(covariance) / n_features * np.eye(n_features)
    return shrunk


def _variances(vectors: Matrix, covariance: Matrix) -> Matrix:
    """Return w' S w for each column w of ``vectors``, where S is ``covariance``; shape (n_vectors,)."""
    variances: Matrix = np.einsum("ij,ik,kj->j", vectors, covariance, vectors)
    return variances


def explained_shares(learned: ClassSums, other: ClassSums, shrinkage: float) -> Matrix:
    """Measure how well discriminants predict the classes of points held out, as a share of variance (R²).

    Classes are encoded as indicators. The indicator of class c is 1 / sqrt(share of c in ``learned``) for points of c,
    and 0 for other points. A linear regression predicts the indicators from the first n discriminants. Discriminants
    and regression are fitted to ``learned``, and R² is measured on ``other``.

    Parameters
    ----------
    learned : sums of the points to learn from
    other : sums of the points held out
    shrinkage : weight of the identity, as in ``fisher_directions``

    Returns
    -------
    array of shape (n_discriminants,)
        Item i is R² for the first i + 1 discriminants: at most 1; below 0 if the prediction is worse than the mean.

    References
    ----------
    T. Hastie, R. Tibshirani, A. Buja (1994), "Flexible discriminant analysis by optimal scoring", J. Am. Stat. Assoc.
    89, 1255-1270: on ``learned`` itself and without shrinkage, no other n linear functions predict the indicators
    better.
    """
    _, directions = fisher_directions(learned, shrinkage)
    share = learned.counts / learned.n_points
    known = share > 0
    root = np.sqrt(share[known])

    def moments(sums: ClassSums) -> tuple[Matrix, Matrix]:
        """Return the means of d d' and of d (z - m)' over the points of ``sums``; ' means transposed.

        d are a point's discriminants minus their mean over ``learned``. z are the point's class indicators, with mean m
        over ``learned``.
        """
        offset = learned.mean
        mean = sums.mean - offset
        products = sums.products / sums.n_points - np.outer(sums.mean, offset) - np.outer(offset, mean)
        by_class = (sums.sums[known] - sums.counts[known, None] * offset) / sums.n_points
        return directions.T @ products @ directions, directions.T @ (by_class.T / root - np.outer(mean, root))

    squares, cross = moments(learned)
    other_squares, other_cross = moments(other)
    other_share = other.counts[known] / other.n_points
    variance = float((other_share / share[known] - 2 * other_share + share[known]).sum())
    explained = []
    for n in range(1, directions.shape[1] + 1):
        factors = np.linalg.solve(squares[:n, :n], cross[:n])
        explained.append(2 * (factors * other_cross[:n]).sum() - (factors * (other_squares[:n, :n] @ factors)).sum())
    return np.array(explained) / variance


def learn(parts: Sequence[ClassSums], classes: Sequence[str], mean: Matrix, deviation: Matrix) -> Discriminants:
    """Learn discriminants; choose their number and the shrinkage by two-fold cross-validation.

    Number and shrinkage maximise R² (``explained_shares``), averaged over both folds. The returned discriminants are
    then learned from both folds together. If a fold has fewer than two classes or no discriminants, cross-validation is
    impossible: then all discriminants are returned, with the shrinkage ``_DEFAULT_SHRINKAGE``.

    Parameters
    ----------
    parts : the two folds, which are disjoint sets of tracks
        For each fold, the sums of its points. A point has the standardised features of a track: (x - mean) / deviation.
    classes : names of the classes, in the order of the rows of ``ClassSums.sums``
    mean, deviation : mean and standard deviation of the features, shape (n_features,)

    Raises
    ------
    ValueError
        If the points are of fewer than two classes, or no direction separates the classes.
    """
    both = parts[0] + parts[1]
    if both.n_classes < 2:
        raise ValueError(f"{both.n_classes} class, expected at least 2")
    n_directions, shrinkage, explained = _choose(parts)
    eigenvalues, directions = fisher_directions(both, shrinkage)
    eigenvalues, directions = eigenvalues[:n_directions], directions[:, :n_directions]
    if not len(eigenvalues):
        raise ValueError("no direction separates the classes")
    correlations = np.sqrt(eigenvalues / (1 + eigenvalues))
    total = both.products / both.n_points - np.outer(both.mean, both.mean)
    loadings = np.linalg.solve(directions.T @ total @ directions, directions.T @ total)
    divisor = np.where(deviation > 0, deviation, np.inf)[:, None]
    return Discriminants(
        tuple(classes),
        mean,
        deviation,
        directions / divisor,
        correlations / correlations[0],
        loadings * deviation,
        shrinkage,
        both.n_points,
        explained,
    )


def _choose(parts: Sequence[ClassSums]) -> tuple[int | None, float, float | None]:
    """Choose the number of discriminants and the shrinkage by two-fold cross-validation on ``parts``.

    Returns the number and the shrinkage with the largest R², averaged over both folds, and this R². If a fold has fewer
    than two classes or no discriminants, returns (None, ``_DEFAULT_SHRINKAGE``, None). A number of None means all
    discriminants.
    """
    if any(part.n_classes < 2 for part in parts):
        return None, _DEFAULT_SHRINKAGE, None
    best: tuple[int | None, float, float | None] = None, _DEFAULT_SHRINKAGE, None
    for shrinkage in SHRINKAGES:
        one, other = (explained_shares(learned, other, shrinkage) for learned, other in (parts, parts[::-1]))
        shared = min(len(one), len(other))
        means = (one[:shared] + other[:shared]) / 2
        if shared and (best[2] is None or means.max() > best[2]):
            best = int(means.argmax()) + 1, shrinkage, float(means.max())
    return best
