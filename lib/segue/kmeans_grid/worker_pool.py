"""Processes beside the driver's own, for arithmetic: threads of numpy over many small arrays wait for each other."""

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor
from importlib import import_module
from threading import Thread
from types import TracebackType
from typing import Any

from loky import ProcessPoolExecutor
from threadpoolctl import threadpool_limits

MAX_WORKERS = 8
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class WorkerPool:
    """Where a function is called for many arguments side by side; the results are those of one call after the other.

    Without ``begin`` there is one hand, this process. Each call has one thread.
    """

    def __init__(self, n: int | None = None) -> None:
        self._n = min(MAX_WORKERS, _cores()) if n is None else n
        self._executor: ProcessPoolExecutor | None = None
        self._beginning: Thread | None = None

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._beginning:
            self._beginning.join()
            if self._executor:
                self._executor.shutdown(wait=False, kill_workers=True)
            self._executor = self._beginning = None

    def begin(self) -> None:
        """Start the processes, while something else is done."""
        if self._n > 1 and not self._beginning:
            self._beginning = Thread(target=self._begin, daemon=True)
            self._beginning.start()

    def _begin(self) -> None:
        try:
            executor = ProcessPoolExecutor(self._n, initializer=_import_kernels, env=dict.fromkeys(_THREADS, "1"))
            # all of them are there when each has been seen at work
            list(executor.map(time.sleep, [0.01] * self._n))
            self._executor = executor
        except (OSError, BrokenExecutor):  # there may be no room for them; one hand will do
            return

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> list[Any]:
        """Return what the function gives for each of the arguments; it gets copies, so it is to change none."""
        if self._beginning:
            self._beginning.join()
        calls = list(zip(*arguments, strict=True))
        if self._executor and len(calls) > 1:
            return list(self._executor.map(function, *zip(*calls, strict=True)))
        with threadpool_limits(limits=1):
            return [function(*each) for each in calls]

    def __len__(self) -> int:
        return self._n if self._beginning else 1


def _import_kernels() -> None:
    """Have a process load, before it is needed, what the arithmetic needs."""
    import_module("segue.kmeans_grid.seeding")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
