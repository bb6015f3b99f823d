"""Call functions in parallel processes on the driver's machine.

Processes rather than threads: in threads, calls of numpy on many small arrays mostly wait for Python's global
interpreter lock.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor
from importlib import import_module
from threading import Thread
from types import TracebackType
from typing import Any

import loky
from threadpoolctl import threadpool_limits

MAX_WORKERS = 8
"""Maximum number of processes of a WorkerPool made without ``n``."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables that set the number of threads of numpy's linear algebra."""


class WorkerPool:
    """Calls functions in parallel processes, each with one numpy thread. Results equal those of sequential calls.

    A pool is a context manager: its processes end with the ``with`` block. Before ``start``, with ``n`` = 1, or if the
    processes cannot be started, calls run one after the other in the calling process.

    Parameters
    ----------
    n : number of processes; by default as many as the CPU affinity and the cgroup's CPU quota allow, at most 8
    """

    def __init__(self, n: int | None = None) -> None:
        self._n = min(MAX_WORKERS, loky.cpu_count()) if n is None else n
        self._executor: loky.ProcessPoolExecutor | None = None
        self._starter: Thread | None = None

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._starter:
            self._starter.join()
            if self._executor:
                self._executor.shutdown(wait=False, kill_workers=True)
            self._executor = self._starter = None

    def start(self) -> None:
        """Start the processes in the background. ``map`` waits for them. Does nothing if ``n`` is 1."""
        if self._n > 1 and not self._starter:
            self._starter = Thread(target=self._start, daemon=True)
            self._starter.start()

    def _start(self) -> None:
        try:
            executor = loky.ProcessPoolExecutor(self._n, initializer=_import_kernels, env=dict.fromkeys(_THREADS, "1"))
            # the executor starts its processes at the first calls: without these, the first real calls would wait
            list(executor.map(time.sleep, [0.01] * self._n))
            self._executor = executor
        except (OSError, BrokenExecutor):  # such as too little memory for the processes: ``map`` then does without
            return

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> list[Any]:
        """Call ``function`` in parallel, like the built-in ``map``; return the list of results, in order.

        ``arguments`` are iterables of the same length: each call gets one item of each. The function must not change
        its arguments, because another process works on copies.
        """
        if self._starter:
            self._starter.join()
        calls = list(zip(*arguments, strict=True))
        if self._executor and len(calls) > 1:
            return list(self._executor.map(function, *zip(*calls, strict=True)))
        with threadpool_limits(limits=1):
            return [function(*call) for call in calls]

    def __len__(self) -> int:
        """Return ``n`` after ``start``, and 1 before: the number of parts into which to divide work."""
        return self._n if self._starter else 1


def _import_kernels() -> None:
    """Import numpy and the module ``seeding`` when a process starts: otherwise the first call would be slow."""
    import_module("segue.kmeans_grid.seeding")
