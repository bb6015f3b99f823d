"""Raise an exception for SIGTERM, SIGINT and SIGHUP, so that an interrupted run is recorded in the table ``runs``."""

import logging
import os
import signal
from pathlib import Path
from typing import Any


class Interrupted(KeyboardInterrupt):
    """A signal interrupted the run. Holds its name, a message, and the exit code: 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number
        self.message = f"interrupted by {self.name}"
        super().__init__(self.name)


_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_received: list[Interrupted] = []


def install_handlers() -> None:
    """Install handlers: the first signal raises Interrupted in the main thread, further signals are ignored.

    Writes this process's id to the file that the environment variable SEGUE_LISTENER names, if that file exists:
    ``spark-submit.sh`` reads it to forward signals to this process. The handlers do not call Spark, since they may run
    in the middle of a py4j call.
    """
    for number in _SIGNALS:
        # under nohup SIGHUP is ignored, and stays ignored
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)
    listener = os.environ.get("SEGUE_LISTENER")
    if listener and Path(listener).exists():
        Path(listener).write_text(f"{os.getpid()}\n", "utf-8")


def ignore_signals() -> None:
    """Ignore the signals for which ``install_handlers`` has installed a handler."""
    for number in _SIGNALS:
        if signal.getsignal(number) is _handle:
            signal.signal(number, signal.SIG_IGN)


def _handle(number: int, _: Any) -> None:
    ignore_signals()
    for handler in logging.getLogger().handlers:
        # drops the traceback that py4j logs for a call that the signal interrupted
        handler.addFilter(lambda record: "py4j" not in record.pathname)
    _received.append(Interrupted(number))
    raise _received[0]


def raise_if_received() -> None:
    """Raise Interrupted if a signal was received earlier: a C extension may have discarded the handler's exception."""
    if _received:
        raise _received[0]


def received() -> Interrupted | None:
    """Return the Interrupted of the first signal that was received, or None if none was.

    Callers use it to report the signal instead of an error that it may have caused.
    """
    return _received[0] if _received else None
