"""Lloyd's passes over all points: the centres of every k move at once, until each k has converged."""

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


class CheckpointStore(Protocol):
    """Where an interrupted grid finds how far it had come: a few kilobytes of text."""

    def load(self) -> str | None:
        """Return what was saved last, or None."""

    def save(self, text: str) -> None:
        """Keep the text instead of what was saved before."""


@dataclass(slots=True)
class LloydState:
    """The centres of one k on their way over all points."""

    centres: Matrix
    iterations: int = 0
    converged: bool = False
    cost: float | None = None
    """``seeding.cost`` at the centres before their last move, if they have moved."""
    total: Matrix | None = field(default=None, repr=False)
    """What ``kernel.centre_sums`` says of these very centres, once it has been asked."""


def run_lloyd(
    data: PointSet,
    courses: list[LloydState],
    sample: Points,
    *,
    max_iter: int,
    tol: float,
    memory: CheckpointStore | None = None,
    about: Sequence[float] = (),
    done: int = 0,
) -> None:
    """Move the centres of every course until it has converged, in at most ``max_iter`` passes in all.

    It has when no centre would move farther than ``tol``, or when the last pass has lowered the inertia by less than
    ``tol`` / 20 of it; the sums that say so are exact, so that every cut of the points says the same. Afterwards every
    course has its ``total``. The last pass of a k moves nothing: it finds that the centres are where they should be, or
    that the passes are used up, and its sums are those that the scores need.

    Parameters
    ----------
    data : all points, on the grid
    courses : one for each k
    sample : where an empty cluster finds a point far from the others
    max_iter, tol : ``tol`` in the units of the grid
    memory : told of every pass
    about : what else decides the result, kept in the text so that ``restore_states`` can tell another grid's
    done : passes that were made before
    """
    # one pass at least: an interrupted grid may have made them all, but kept no sums
    for number in range(min(done, max_iter) + 1, max_iter + 2):
        open_courses = [course for course in courses if course.total is None]
        if not open_courses:
            return
        begun = time.monotonic()
        for course, total in zip(open_courses, data.totals([c.centres for c in open_courses]), strict=True):
            _move(course, total, sample, data, tol, last=number > max_iter)
        _report(courses, number, max_iter, time.monotonic() - begun)
        if memory:
            memory.save(_as_text(courses, number, about))


def _move(course: LloydState, total: Matrix, sample: Points, data: PointSet, tol: float, *, last: bool) -> None:
    empty = total[:, -2] == 0
    after = seeding.fill_empty_clusters(sample, kernel.updated_centres(total, course.centres, data.bits), empty)
    farthest = float(np.sqrt(((after - course.centres) ** 2).sum(axis=1).max()))
    cost, before = seeding.cost(total, course.centres), course.cost
    pays = before is None or before - cost > MIN_GAIN_PER_TOL * tol * (data.squares + cost)
    course.converged = (farthest <= tol or not pays) and not empty.any()
    if course.converged or last:
        course.total = total
    else:
        course.centres, course.iterations, course.cost = after, course.iterations + 1, cost


def _report(courses: list[LloydState], number: int, max_iter: int, seconds: float) -> None:
    moving = [len(course.centres) for course in courses if course.total is None]
    if moving:
        left = f"at most {(max_iter + 1 - number) * seconds:.0f} s left"
        log.info(
            "pass %d of at most %d, %.1f s: %d of %d k still move (%s), %s",
            number, max_iter + 1, seconds, len(moving), len(courses), format_ranges(moving), left,
        )  # fmt: skip
    else:
        stopped = [len(course.centres) for course in courses if not course.converged]
        told = f", {format_ranges(stopped)} stopped by clustering.max_iter" if stopped else ""
        log.info("pass %d, %.1f s: every k is done%s", number, seconds, told)


def format_ranges(numbers: Sequence[int]) -> str:
    """Return rising whole numbers as people write them.

    >>> spans([2, 3, 4, 7, 9, 10])
    '2-4, 7, 9-10'
    """
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return ", ".join(str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in found)


def _as_text(courses: list[LloydState], number: int, about: Sequence[float]) -> str:
    content = [
        {"centres": c.centres.tolist(), "iterations": c.iterations, "cost": c.cost, "done": c.total is not None}
        for c in courses
    ]
    return json.dumps({"about": list(about), "passes": number, "courses": content})


def restore_states(
    text: str, ks: Sequence[int], n_features: int, about: Sequence[float] = ()
) -> tuple[int, list[LloydState]] | None:
    """Return the passes and courses that ``memory`` kept, or None where the text is not about this grid."""
    try:
        content: dict[str, Any] = json.loads(text)
        if content["about"] != list(about):
            return None
        centres = [np.array(course["centres"], dtype=np.float64) for course in content["courses"]]
        if [c.shape for c in centres] != [(k, n_features) for k in ks] or not all(
            np.isfinite(c).all() for c in centres
        ):
            return None
        iterations = [int(course["iterations"]) for course in content["courses"]]
        costs = [None if course["cost"] is None else float(course["cost"]) for course in content["courses"]]
        courses = [LloydState(c, i, cost=cost) for c, i, cost in zip(centres, iterations, costs, strict=True)]
        return int(content["passes"]), courses
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
