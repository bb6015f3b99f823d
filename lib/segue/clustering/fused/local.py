"""Few points: all of them in the driver's memory."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from segue.clustering.fused import judge, kernel
from segue.clustering.fused.judge import Known, Verdict
from segue.clustering.fused.kernel import Matrix, Points


class LocalPoints:
    """Points to be clustered: on the grid for the search (``sample``), as they are for sums and scores."""

    def __init__(self, rows: Matrix, classes: NDArray[np.int32] | None, n_classes: int, exponent: int) -> None:
        self.n_features = rows.shape[1]
        self.exponent = exponent
        self.bits = kernel.grid_bits(self.n_features)
        scaled = np.ldexp(rows, exponent)
        # an order that the points alone decide, and that has no meaning; classes only tell equal points apart
        order = np.lexsort((classes if classes is not None else np.zeros(len(rows)), *scaled.T))
        order = np.random.Generator(np.random.PCG64(len(rows))).permutation(order)
        self._exact = Points.of(scaled[order])
        self._classes = classes[order] if classes is not None else None
        self.n_classes = n_classes
        self.sample = Points.of(kernel.rounded(scaled[order], self.bits))

    @property
    def squares(self) -> float:
        """The sum of the squared lengths of all points on the grid."""
        return sum(kernel.square_parts(self.sample.rows, self.bits))

    def __len__(self) -> int:
        return len(self._exact)

    def release(self) -> None:
        """Do nothing: the memory goes with the object."""

    def totals(self, sets: Sequence[Matrix]) -> list[Matrix]:
        """Return what ``kernel.totals`` returns, of all points."""
        with threadpool_limits(limits=1):
            return kernel.totals(self._exact, sets)

    def judged(self, known: Sequence[Known]) -> list[Verdict]:
        """Return what ``judge.judged`` returns, of all points."""
        with threadpool_limits(limits=1):
            return judge.judged(self._exact, self._classes, self.n_classes, known)
