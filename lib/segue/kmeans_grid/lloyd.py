"""Run Lloyd's iterations for every k at once, in passes over all points, and save a checkpoint after each pass."""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from segue.kmeans_grid import kernel, seeding
from segue.kmeans_grid.kernel import Matrix, Points
from segue.kmeans_grid.points import PointSet

log = logging.getLogger(__name__)
MIN_GAIN_PER_TOL = 0.05
"""A k has converged if an iteration lowers its inertia by less than the fraction ``MIN_GAIN_PER_TOL`` * ``tol``."""


class CheckpointStore(Protocol):
    """Stores the progress of ``run_lloyd``, a text of some kilobytes. An interrupted run continues from this text."""

    def load(self) -> str | None:
        """Return the text saved last, or None if there is none."""

    def save(self, text: str) -> None:
        """Store a text, replacing the earlier one."""


@dataclass(slots=True)
class LloydState:
    """Progress of Lloyd's iterations for one k. An iteration moves each centre to the mean of its points."""

    centres: Matrix
    """Centre of each cluster, shape (k, n_features); coordinates are multiples of 2^-bits in [-1, 1]."""
    iterations: int = 0
    """Number of Lloyd's iterations: for Blocks those over all points, for LocalPoints those of ``search.search``."""
    converged: bool = False
    inertia_offset: float | None = None
    """Inertia before the last iteration, minus the sum of the squared lengths of all points.

    From ``seeding.inertia_offset``; None before the first iteration.
    """
    sums: Matrix | None = field(default=None, repr=False)
    """Sums over the points nearest to each centre, from ``kernel.centre_sums``; shape (k, n_features + 2).

    None until the iterations of this k have ended.
    """


def run_lloyd(
    data: PointSet,
    states: list[LloydState],
    sample: Points,
    *,
    max_iter: int,
    tol: float,
    checkpoint: CheckpointStore | None = None,
    fingerprint: Sequence[float] = (),
    passes: int = 0,
) -> None:
    """Run Lloyd's iterations for every k until convergence: up to ``max_iter`` + 1 passes over the points.

    A pass serves all k, with one Spark job if ``data`` are Blocks. A k has converged if no cluster is empty, and one of
    two conditions holds: no centre would move farther than ``tol``, or the last iteration lowered the inertia by less
    than the fraction ``tol`` / 20. Both conditions use exact sums, so the result does not depend on partitions.

    Changes ``states`` in place. The last pass for a k moves no centre. It only sets ``state.sums``, needed for scores.

    Parameters
    ----------
    data : all points
    states : one for each k
    sample : a part of the points; a centre without points is replaced by one of them
    max_iter : maximum number of iterations of a k
    tol : distance in the coordinates of ``data``, which are scaled into [-1, 1]
    checkpoint : stores the states after each pass
    fingerprint : numbers that identify the fit, such as the number of points and the seed
        Stored with the states, and compared by ``restore_states``.
    passes : number of passes made before, if ``states`` were restored from a checkpoint; else 0
    """
    # at least one pass, even if all passes were made before the interruption: a checkpoint lacks ``sums``
    for number in range(min(passes, max_iter) + 1, max_iter + 2):
        unfinished = [state for state in states if state.sums is None]
        if not unfinished:
            return
        started = time.monotonic()
        for state, sums in zip(unfinished, data.centre_sums([s.centres for s in unfinished]), strict=True):
            _move(state, sums, sample, data, tol, last=number > max_iter)
        _log_progress(states, number, max_iter, time.monotonic() - started)
        if checkpoint:
            checkpoint.save(_as_text(states, number, fingerprint))


def _move(state: LloydState, sums: Matrix, sample: Points, data: PointSet, tol: float, *, last: bool) -> None:
    """Move the centres of one k to the means of their points, unless they have converged. Changes ``state`` in place.

    If the centres have converged, or if ``last`` is true, ``state.sums`` is set instead, for the scores.

    Parameters
    ----------
    state : the centres of one k
    sums : result of ``kernel.centre_sums`` for all points and the centres of ``state``, shape (k, n_features + 2)
    sample : a part of the points; a centre without points is replaced by one of them
    data : all points
    tol : distance in the coordinates of ``data``
    last : whether this is the last pass over the points
    """
    empty = sums[:, -2] == 0
    after = seeding.fill_empty_clusters(sample, kernel.updated_centres(sums, state.centres, data.bits), empty)
    max_shift = float(np.sqrt(((after - state.centres) ** 2).sum(axis=1).max()))
    offset, before = seeding.inertia_offset(sums, state.centres), state.inertia_offset
    has_gain = before is None or before - offset > MIN_GAIN_PER_TOL * tol * (data.square_sum + offset)
    state.converged = (max_shift <= tol or not has_gain) and not empty.any()
    if state.converged or last:
        state.sums = sums
    else:
        state.centres, state.iterations, state.inertia_offset = after, state.iterations + 1, offset


def _log_progress(states: list[LloydState], number: int, max_iter: int, seconds: float) -> None:
    """Log one line on a pass: its number, its seconds, the k not yet converged, and the maximum time left."""
    moving = [len(state.centres) for state in states if state.sums is None]
    if moving:
        log.info(
            "pass %d of at most %d, %.1f s: %d of %d k not converged (%s), at most %.0f s left",
            number, max_iter + 1, seconds, len(moving), len(states), format_ranges(moving),
            (max_iter + 1 - number) * seconds,
        )  # fmt: skip
    else:
        stopped = [len(state.centres) for state in states if not state.converged]
        suffix = f", k {format_ranges(stopped)} stopped by clustering.max_iter" if stopped else ""
        log.info("pass %d, %.1f s: every k is done%s", number, seconds, suffix)


def format_ranges(numbers: Sequence[int]) -> str:
    """Format rising whole numbers as text, with consecutive numbers as a range.

    >>> format_ranges([2, 3, 4, 7, 9, 10])
    '2-4, 7, 9-10'
    """
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    return ", ".join(str(each[0]) if len(each) == 1 else f"{each[0]}-{each[-1]}" for each in ranges)


def _as_text(states: list[LloydState], number: int, fingerprint: Sequence[float]) -> str:
    """Format the states after pass ``number`` as a JSON text, the content of a checkpoint.

    ``fingerprint`` are numbers that identify the fit, such as the number of points and the seed.
    """
    content = [
        {
            "centres": s.centres.tolist(),
            "iterations": s.iterations,
            "cost": s.inertia_offset,
            "done": s.sums is not None,
        }
        for s in states
    ]
    return json.dumps({"about": list(fingerprint), "passes": number, "courses": content})


def restore_states(
    text: str, ks: Sequence[int], n_features: int, fingerprint: Sequence[float] = ()
) -> tuple[int, list[LloydState]] | None:
    """Parse a checkpoint: return the number of passes made, and the LloydState of each k.

    Returns None if the checkpoint is invalid, or belongs to a fit with other ``ks``, ``n_features`` or ``fingerprint``.

    Parameters
    ----------
    text : result of ``CheckpointStore.load``
    ks : numbers of clusters
    n_features : number of features
    fingerprint : numbers that identify the fit, such as the number of points and the seed
    """
    try:
        content: dict[str, Any] = json.loads(text)
        if content["about"] != list(fingerprint):
            return None
        centres = [np.array(state["centres"], dtype=np.float64) for state in content["courses"]]
        if [c.shape for c in centres] != [(k, n_features) for k in ks] or not all(
            np.isfinite(c).all() for c in centres
        ):
            return None
        iterations = [int(state["iterations"]) for state in content["courses"]]
        offsets = [None if state["cost"] is None else float(state["cost"]) for state in content["courses"]]
        states = [LloydState(c, i, inertia_offset=o) for c, i, o in zip(centres, iterations, offsets, strict=True)]
        return int(content["passes"]), states
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
