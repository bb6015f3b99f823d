"""Independent looks at the data, several at once: while the driver plans one, others are computed."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, Protocol, TypeVar

_AT_ONCE = 3

P = ParamSpec("P")
T = TypeVar("T")


class Begin(Protocol):
    """Begins a call in a thread of its own; ``result()`` of what it returns waits for the call."""

    def __call__(self, look: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin it."""


@contextmanager
def together() -> Iterator[Begin]:
    """Give what begins calls that run Spark jobs, a few at a time and in the order in which they were begun.

    At the end all have ended. Where an error ends it, those that have not begun never do, and nobody waits for the
    others: the error must not be held up by what it has made useless.
    """
    pool = ThreadPoolExecutor(_AT_ONCE, "look")
    try:
        yield pool.submit
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
