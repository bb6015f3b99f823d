"""Which of several feature spaces tells the most. Silhouettes and inertias of different spaces do not compare."""

import logging
from collections.abc import Sequence
from typing import Protocol

from segue.clustering.agreement import Agreement
from segue.clustering.selection import Stability

log = logging.getLogger(__name__)


class Judged(Protocol):
    """What is compared across spaces."""

    @property
    def k(self) -> int: ...
    @property
    def agreement(self) -> Agreement: ...
    @property
    def stability(self) -> Stability | None: ...


def best_space(by_space: Sequence[Sequence[Judged]]) -> int:
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


def _worth(fit: Judged) -> float | None:
    if fit.agreement.nmi is not None:
        return fit.agreement.nmi
    return fit.stability.mean if fit.stability else None
