"""Which k there are enough different points for."""

import logging
from collections.abc import Sequence

from segue.errors import ClusteringError

log = logging.getLogger(__name__)


def possible(ks: Sequence[int], n_distinct: int) -> list[int]:
    """Return the k up to the number of distinct points, with a warning, or raise ClusteringError where none is left."""
    found = [k for k in ks if k <= n_distinct]
    if not found:
        raise ClusteringError(
            f"{n_distinct} distinct {'track' if n_distinct == 1 else 'tracks'} by the chosen features, wanted at "
            f"least {ks[0]} for k = {ks[0]}; add tracks or features, or ask for fewer clusters with clustering.ks"
        )
    if len(found) < len(ks):
        log.warning("only %d distinct tracks by the chosen features, so no k above %d", n_distinct, n_distinct)
    return found
