"""Format log lines and error messages: redact secrets, escape control characters, keep each message on one line."""

import copy
import json
import logging
import re
from typing import Any

_REDACTED = "***"
# The text before @ in a URI. With a colon it is user and password; the password may contain slashes. Without a colon it
# is a user or, in abfs: and wasb: URIs, the name of a container, which is no secret.
_USER = re.compile(
    r"(?<=://)[^\s@'\"]*:[^\s@'\"]*(?=@)"
    r"|(?<!abfs://)(?<!abfss://)(?<!wasb://)(?<!wasbs://)(?<=://)[^/\s@'\":]+(?=@)"
)
_SECRET = (
    r"(?:secret|password|passwd|pwd|token|credential|signature|sig(?![a-z])|(?:api|access|account)[._-]?key)[\w.-]*"
)
_ASSIGNED = re.compile(rf"({_SECRET}['\"]?\s*[=:]\s*)(?:(['\"])(?:(?!\2).)*\2?|[^\s'\"&;,)]+)", re.IGNORECASE)
_SECRET_NAME = re.compile(_SECRET, re.IGNORECASE)
_OTHER_PYTHON = re.compile(r"Python in worker has different version: ([\d.]+) than that in driver: ([\d.]+)")
_MISSING_PACKAGE = re.compile(r"from the Python worker.*ModuleNotFoundError: No module named '([\w.]+)'", re.DOTALL)
_DISK_ERROR = re.compile(r"No space left on device|Disk quota exceeded|Read-only file system")


def disk_error(error: BaseException | None) -> str | None:
    """Return the operating system's message if a full or read-only disk caused the error; else None.

    The texts and Java stack traces of the error and its causes are searched for this message.

    >>> disk_error(RuntimeError("[WRITE_FAILED] java.io.IOException: No space left on device"))
    'No space left on device'
    """
    match = _search_causes(_DISK_ERROR, error)
    return match[0] if match else None


def worker_python_error(error: BaseException | None) -> str | None:
    """Return a message if the Python of Spark's workers caused the error; else None.

    The causes detected are another version of Python than the driver's, and a missing package.

    >>> worker_python_error(RuntimeError("Python in worker has different version: 3.9 than that in driver: 3.11"))
    'the Python of the workers is 3.9, the Python of the driver 3.11'
    """
    if match := _search_causes(_OTHER_PYTHON, error):
        return f"the Python of the workers is {match[1]}, the Python of the driver {match[2]}"
    match = _search_causes(_MISSING_PACKAGE, error)
    return f"the Python of the workers has no package {match[1]}" if match else None


def _search_causes(pattern: re.Pattern[str], error: BaseException | None) -> re.Match[str] | None:
    """Return the first match of a pattern in the texts and Java stack traces of an error and its causes, or None."""
    while error is not None:
        match = pattern.search(f"{error}\n{getattr(error, '_stackTrace', '')}")
        if match:
            return match
        error = error.__cause__ or error.__context__
    return None


def redact(text: str) -> str:
    """Replace the secrets in a text by ``***``: users and passwords in URIs, and values after names such as ``token=``.

    >>> redact("s3a://AKIA:abc/d@bucket/x?token=12&part=3")
    's3a://***@bucket/x?token=***&part=3'
    >>> redact("fs.s3a.secret.key=abc next")
    'fs.s3a.secret.key=*** next'
    """
    # guard: secrets-redacted -> return text
    return _ASSIGNED.sub(
        lambda match: f"{match[1]}{match[2] or ''}{_REDACTED}{match[2] or ''}", _USER.sub(_REDACTED, text)
    )


def to_redacted_json(value: Any) -> str:
    """Convert a value to JSON text, with secrets replaced by ``***``.

    Secrets are the parts of texts replaced by ``redact``, and all texts below a dictionary key such as "token".

    >>> to_redacted_json({"input": "s3a://AKIA:abc@bucket/x", "password": "abc", "signature.csv": 5})
    '{"input": "s3a://***@bucket/x", "password": "***", "signature.csv": 5}'
    >>> to_redacted_json({"token": {"value": "abc"}})
    '{"token": {"value": "***"}}'
    """
    return json.dumps(_without_secrets(value), ensure_ascii=False)


def _without_secrets(value: Any, key: str = "") -> Any:
    """Replace secrets in a value by ``***``, also inside dicts and lists. ``key`` is the value's dictionary key."""
    if isinstance(value, dict):
        # a dict below a secret name is secret as a whole
        secret = key if _SECRET_NAME.search(key) else ""
        return {redact(str(name)): _without_secrets(item, secret or str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(item, key) for item in value]
    if isinstance(value, str):
        return _REDACTED if _SECRET_NAME.search(key) else redact(value)
    return value


def escape_line(text: str) -> str:
    r"""Return a text as one line: line breaks become spaces, control characters are escaped, secrets are redacted.

    >>> escape_line("no\nuse \x1b[31m")
    'no use \\x1b[31m'
    """
    # guard: log-line-breaks-removed -> line = text
    line = " ".join(text.splitlines())
    # guard: log-control-characters-escaped -> return redact(line)
    return redact("".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line))


def escape_lines(text: str) -> str:
    r"""Escape control characters and redact secrets in a text of several lines, such as a traceback.

    Line breaks are kept; tabs become spaces.

    >>> escape_lines("Error\n\tat \x1b[31mred")
    'Error\n        at \\x1b[31mred'
    """
    return "\n".join(escape_line(line.expandtabs()) for line in text.split("\n"))


class LogFormatter(logging.Formatter):
    """Formats each log message as one line, with control characters escaped and secrets redacted.

    Otherwise a text from an input file could add lines to the log, or send control sequences to a terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a log record: the message on one line, and the traceback, if any, on further lines."""
        escaped = copy.copy(record)
        escaped.msg, escaped.args = escape_line(record.getMessage()), None
        return super().format(escaped)

    def formatException(self, ei: Any) -> str:
        """Return the traceback of ``ei`` as text, with control characters escaped and secrets redacted."""
        # guard: traceback-control-characters-escaped -> return super().formatException(ei)
        return escape_lines(super().formatException(ei))
