"""Which k becomes the model, by the scores alone."""

import logging
from collections.abc import Sequence
from typing import Protocol

from segue.core.metrics import Agreement

log = logging.getLogger(__name__)


class Stability(Protocol):
    """How far fits on random halves agree."""

    @property
    def mean(self) -> float: ...
    @property
    def standard_error(self) -> float: ...


class Scored(Protocol):
    """What a rule looks at."""

    @property
    def k(self) -> int: ...
    @property
    def inertia(self) -> float: ...
    @property
    def silhouette(self) -> float: ...
    @property
    def stability(self) -> Stability | None: ...


def choose_k(scores: Sequence[Scored], *, rule: str, fewest: int, k: int | None) -> int:
    """Return the chosen k.

    Parameters
    ----------
    scores : one per k, any order, at least one
    rule : ``silhouette``: the best silhouette among k of at least ``fewest``, the smallest of equals;
        ``knee``: see ``knee``; ``stable``: see ``most_stable``; ``fixed``: the given ``k``
    fewest : for the rule ``silhouette``; where no k is as large, the best of all, with a warning
    k : for the rule ``fixed``; where the grid had to stop short of it, the largest fitted, with a warning

    Returns
    -------
    int
        One of the scored k.
    """
    by_k = sorted(scores, key=lambda score: score.k)
    if rule == "fixed" and k is not None:
        fitted = [score.k for score in by_k]
        if k not in fitted:
            log.warning("k = %d was not fitted, taking %d", k, fitted[-1])
        return k if k in fitted else fitted[-1]
    if rule == "knee":
        return knee([score.k for score in by_k], [score.inertia for score in by_k])
    if rule == "stable":
        return most_stable(by_k)
    many = [score for score in by_k if score.k >= fewest]
    if not many:
        log.warning("no k of at least %d was fitted, so the best silhouette of all k counts", fewest)
    return max(many or by_k, key=lambda score: (score.silhouette, -score.k)).k


def knee(ks: Sequence[int], inertias: Sequence[float]) -> int:
    """Return the k at which the inertia bends most.

    Both axes are stretched to [0, 1]; the knee is where the curve lies farthest below the straight
    line from its first point to its last, the smallest k of equals.

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


def most_stable(by_k: Sequence[Scored]) -> int:
    """Return the largest k whose stability is within one standard error of the best, the error being the best's.

    Parameters
    ----------
    by_k : scores by rising k, of which those without stability do not count, unless none has one: then the smallest k
    """
    told = [(score.k, score.stability) for score in by_k if score.stability is not None]
    if not told:
        log.warning("too few distinct tracks for random halves, so the smallest k counts as the most stable")
        return by_k[0].k
    best = max((stability for _, stability in told), key=lambda stability: stability.mean)
    return max(k for k, stability in told if stability.mean >= best.mean - best.standard_error)


class ComparableFit(Protocol):
    """What is compared across spaces."""

    @property
    def k(self) -> int: ...
    @property
    def agreement(self) -> Agreement: ...
    @property
    def stability(self) -> Stability | None: ...


def best_space(by_space: Sequence[Sequence[ComparableFit]]) -> int:
    """Return the place of the best space, of equals the first.

    Where tracks have genres it is the one whose clusters agree best with them: by normalised mutual information,
    averaged over the k that all spaces have. Elsewhere it is the one that is most stable on average over these k.

    Parameters
    ----------
    by_space : for each space its fits, of the same tracks; a single space needs neither genres nor stability
    """
    if len(by_space) == 1:
        return 0
    shared = set.intersection(*({fit.k for fit in fits} for fits in by_space))
    found = [[fit for fit in fits if fit.k in shared] for fits in by_space]
    told = [[_worth(fit) for fit in fits] for fits in found]
    if not shared or any(value is None for values in told for value in values):
        log.warning("the spaces have neither genres nor stability in common, so the first counts")
        return 0
    means = [sum(value for value in values if value is not None) / len(values) for values in told]
    return means.index(max(means))


def _worth(fit: ComparableFit) -> float | None:
    if fit.agreement.nmi is not None:
        return fit.agreement.nmi
    return fit.stability.mean if fit.stability else None
