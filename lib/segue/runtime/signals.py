"""Convert SIGTERM, SIGINT and SIGHUP to an exception, so that an interrupted run can write its row in ``runs``."""

import logging
import os
import signal
from pathlib import Path
from typing import Any


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread by a signal, such as SIGTERM, that interrupts the run.

    Attributes
    ----------
    name : name of the signal, such as ``SIGTERM``
    exit_code : exit code of the process, 128 + the signal's number
    message : for example "interrupted by SIGTERM"
    """

    def __init__(self, number: int) -> None:
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number
        self.message = f"interrupted by {self.name}"
        super().__init__(self.name)


_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_received: list[Interrupted] = []


def install_handlers() -> None:
    """Install signal handlers: the first signal raises Interrupted in the main thread, later signals are ignored.

    The handlers make no calls to Spark, since a signal may arrive during a py4j call. The id of this process is written
    to the file named by the environment variable SEGUE_LISTENER, if this file exists. ``spark-submit.sh`` reads the id
    from the file, and forwards the signals that it receives to this process.
    """
    for number in _SIGNALS:
        # under nohup SIGHUP is ignored; a handler would end the run when the terminal is closed
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)
    listener = os.environ.get("SEGUE_LISTENER")
    if listener and Path(listener).exists():
        Path(listener).write_text(f"{os.getpid()}\n", "utf-8")


def ignore_signals() -> None:
    """Ignore SIGTERM, SIGINT and SIGHUP from now on, where ``install_handlers`` has installed a handler."""
    for number in _SIGNALS:
        if signal.getsignal(number) is _handle:
            signal.signal(number, signal.SIG_IGN)


def _handle(number: int, _: Any) -> None:
    """Raise Interrupted for the signal ``number``, and ignore all further signals."""
    ignore_signals()
    for handler in logging.getLogger().handlers:
        # drops the traceback logged by py4j for a call interrupted by the signal
        handler.addFilter(lambda record: "py4j" not in record.pathname)
    _received.append(Interrupted(number))
    raise _received[0]


def raise_if_received() -> None:
    """Raise Interrupted if a signal has been received.

    The signal handler has raised it already, but a C extension running at that moment may have discarded it.
    """
    if _received:
        raise _received[0]


def received() -> Interrupted | None:
    """Return the Interrupted exception of the first signal received; None if there was no signal."""
    return _received[0] if _received else None
