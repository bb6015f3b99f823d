"""Choose the number of clusters k and the feature space by the scores of the fits."""

import logging
from collections.abc import Sequence
from typing import Protocol

from segue.core.grid_result import Stability
from segue.core.metrics import Agreement

log = logging.getLogger(__name__)


class ScoredFit(Protocol):
    """Scores of one k, used to choose k and the feature space; implemented by ``segue.core.grid_result.Fit``."""

    @property
    def k(self) -> int: ...
    @property
    def inertia(self) -> float: ...
    @property
    def silhouette(self) -> float: ...
    @property
    def agreement(self) -> Agreement: ...
    @property
    def stability(self) -> Stability | None: ...


def choose_k(fits: Sequence[ScoredFit], *, rule: str, min_k: int, k: int | None) -> int:
    """Choose the number of clusters by a rule.

    Parameters
    ----------
    fits : one per k, in any order, at least one
    rule : ``silhouette``, ``knee``, ``stable`` or ``fixed``
        * ``silhouette`` chooses the k >= ``min_k`` with the largest silhouette; on a tie, the smallest.
        * ``knee`` chooses the k at the knee of the inertia curve, see ``knee``.
        * ``stable`` chooses the largest k with almost the best stability, see ``largest_stable_k``.
        * ``fixed`` chooses ``k``.
    min_k : smallest k for the rule ``silhouette``
        If every fitted k is smaller, all fitted k are compared, with a warning in the log.
    k : number of clusters for the rule ``fixed``; None for other rules
        If this k was not fitted, the largest fitted k is chosen, with a warning in the log.

    Returns
    -------
    int
        The k of one of the fits.

    Raises
    ------
    ValueError
        If the rule is unknown, or is ``fixed`` and ``k`` is None.
    """
    by_k = sorted(fits, key=lambda fit: fit.k)
    if rule == "silhouette":
        return _best_silhouette(by_k, min_k)
    if rule == "knee":
        return knee([fit.k for fit in by_k], [fit.inertia for fit in by_k])
    if rule == "stable":
        return largest_stable_k(by_k)
    if rule == "fixed" and k is not None:
        ks = [fit.k for fit in by_k]
        if k not in ks:
            log.warning("k = %d was not fitted: choosing the largest fitted k, %d", k, ks[-1])
        return k if k in ks else ks[-1]
    raise ValueError(f"found rule {rule!r} with k = {k}, expected silhouette, knee, stable, or fixed with a k")


def _best_silhouette(by_k: Sequence[ScoredFit], min_k: int) -> int:
    """Return the k >= ``min_k`` with the largest silhouette. If every k is smaller, all k are compared."""
    eligible = _with_min_k(min_k, by_k, "silhouette")
    return max(eligible, key=lambda fit: (fit.silhouette, -fit.k)).k


def _with_min_k(min_k: int, by_k: Sequence[ScoredFit], score: str) -> Sequence[ScoredFit]:
    """Return the fits with k >= ``min_k``. If there is none, return all fits, and log a warning.

    ``score`` is the name of a score for the text of the warning.
    """
    eligible = [fit for fit in by_k if fit.k >= min_k]
    if not eligible:
        log.warning("no k of at least %d was fitted: choosing the best %s of all fitted k", min_k, score)
    return eligible or by_k


def knee(ks: Sequence[int], inertias: Sequence[float]) -> int:
    """Return the k at the knee of the inertia curve.

    Both axes are scaled to [0, 1], and a straight line is drawn from the first to the last point of the curve. The knee
    is the k at which the curve is farthest below this line; on a tie, the smallest k. If the last inertia is not below
    the first, the smallest k is returned.

    Parameters
    ----------
    ks : numbers of clusters, ascending
    inertias : one per k

    References
    ----------
    V. Satopää et al. (2011), "Finding a 'Kneedle' in a haystack: detecting knee points in system
    behavior", ICDCS Workshops, 166-171.
    """
    width, height = ks[-1] - ks[0], inertias[0] - inertias[-1]
    if not width or height <= 0:
        return ks[0]
    depths = [(inertias[0] - i) / height - (k - ks[0]) / width for k, i in zip(ks, inertias, strict=True)]
    return ks[depths.index(max(depths))]


def largest_stable_k(by_k: Sequence[ScoredFit]) -> int:
    """Return the largest k whose mean stability is at most one standard error below the highest.

    The standard error is that of the k with the highest mean stability.

    Parameters
    ----------
    by_k : fits by ascending k
        Fits without stability are ignored. If no fit has stability, the smallest k is returned, with a warning in the
        log.
    """
    candidates = [(fit.k, fit.stability) for fit in by_k if fit.stability is not None]
    if not candidates:
        log.warning("too few distinct tracks for random subsamples: choosing the smallest k, %d", by_k[0].k)
        return by_k[0].k
    best = max((stability for _, stability in candidates), key=lambda stability: stability.mean)
    return max(k for k, stability in candidates if stability.mean >= best.mean - best.standard_error)


def best_space(fits_by_space: Sequence[Sequence[ScoredFit]]) -> int:
    """Return the index of the best feature space; on a tie, the lowest index.

    The score of a fit is its normalised mutual information with genre or, if tracks have no genres, its mean stability.
    The score of a space is the mean score of its fits. Only the k fitted in all spaces are compared. If a score is
    missing, or no k is fitted in all spaces, the index is 0, with a warning in the log.

    Parameters
    ----------
    fits_by_space : for each space its fits, all of the same tracks
    """
    if len(fits_by_space) == 1:
        return 0
    shared_ks = set.intersection(*({fit.k for fit in fits} for fits in fits_by_space))
    scores = [[_space_score(fit) for fit in fits if fit.k in shared_ks] for fits in fits_by_space]
    if not shared_ks or any(score is None for row in scores for score in row):
        log.warning("feature spaces share no k with a genre or stability score: choosing the first space")
        return 0
    means = [sum(score for score in row if score is not None) / len(row) for row in scores]
    return means.index(max(means))


def _space_score(fit: ScoredFit) -> float | None:
    """Return the normalised mutual information of clusters and genres or, without genres, the mean stability.

    Returns None if neither was measured.
    """
    if fit.agreement.nmi is not None:
        return fit.agreement.nmi
    return fit.stability.mean if fit.stability else None
