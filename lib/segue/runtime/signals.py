"""SIGTERM and Ctrl-C end a run as an exception does: its record is written, and its exit code tells the signal."""

import logging
import os
import signal
from pathlib import Path
from typing import Any


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to end."""

    def __init__(self, number: int) -> None:
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number
        self.message = f"{self.name} asked the run to end"
        super().__init__(self.name)


_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_received: list[Interrupted] = []


def install_handlers() -> None:
    """From now on raise Interrupted in the main thread at a signal, wherever that is; but at one alone.

    The process is told in the file that SEGUE_LISTENER names, if it names one, so that a signal can be passed on to it.

    A second one is not heard, so that what the first has left to be said is said. The handler itself must not call
    Spark: it may stand in the midst of such a call.
    """
    for each in _SIGNALS:
        signal.signal(each, _handle)
    told_in = os.environ.get("SEGUE_LISTENER")
    if told_in and Path(told_in).exists():
        Path(told_in).write_text(f"{os.getpid()}\n", "utf-8")


def ignore_signals() -> None:
    """Hear none any more of the signals that have been listened to."""
    for each in _SIGNALS:
        if signal.getsignal(each) is _handle:
            signal.signal(each, signal.SIG_IGN)


def _handle(number: int, _: Any) -> None:
    ignore_signals()
    for handler in logging.getLogger().handlers:
        # py4j would tell the trace of whatever call is cut off
        handler.addFilter(lambda record: "py4j" not in record.pathname)
    _received.append(Interrupted(number))
    raise _received[0]


def raise_if_received() -> None:
    """Raise again what has been raised, where something in between has swallowed it: libraries in C may."""
    if _received:
        raise _received[0]


def received() -> Interrupted | None:
    """Return what has been raised, if a signal has come: what else goes wrong from then on may follow from it."""
    return _received[0] if _received else None
