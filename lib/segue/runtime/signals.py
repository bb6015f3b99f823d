"""Turn SIGTERM, SIGINT and SIGHUP into an exception, so that an interrupted run is recorded in the table ``runs``.

The run then exits with 128 + the signal's number.
"""

import logging
import os
import signal
from pathlib import Path
from typing import Any


class Interrupted(KeyboardInterrupt):
    """A signal interrupted the run. Holds the signal's name, a message, and the exit code: 128 + its number."""

    def __init__(self, number: int) -> None:
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number
        self.message = f"interrupted by {self.name}"
        super().__init__(self.name)


_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_received: list[Interrupted] = []


def install_handlers() -> None:
    """Install handlers: the first signal raises Interrupted in the main thread, further ones are ignored.

    Writes the process id to the file that the environment variable SEGUE_LISTENER names, if that file exists:
    ``spark-submit.sh`` then forwards signals to this process. The handler does not call Spark, since it may run in the
    middle of a py4j call.
    """
    for number in _SIGNALS:
        # nohup has set SIGHUP to be ignored, and it stays ignored
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
        # py4j logs a traceback of the call that the signal cut off
        handler.addFilter(lambda record: "py4j" not in record.pathname)
    _received.append(Interrupted(number))
    raise _received[0]


def raise_if_received() -> None:
    """Raise Interrupted if a signal was received earlier: a C extension may have swallowed the handler's exception."""
    if _received:
        raise _received[0]


def received() -> Interrupted | None:
    """Return the Interrupted of the first signal that was received, or None.

    After a signal, any other error may be a consequence of it.
    """
    return _received[0] if _received else None
