"""Wait for a condition with a time limit."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str, *, seconds: float = 120, every: float = 0.02) -> T:
    """Return the first true result of ``condition``, or fail with ``what`` in the message."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(every)
    raise AssertionError(f"waited {seconds} s for {what}, which did not happen")
