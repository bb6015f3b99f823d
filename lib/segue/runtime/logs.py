"""What is told: without secrets, and in logs on one line, without control characters. No Spark here."""

import copy
import json
import logging
import re
from typing import Any

_HIDDEN = "***"
# a password may hold slashes; without one, what stands there in abfs: and wasb: is a container
_USER = re.compile(
    r"(?<=://)[^\s@'\"]*:[^\s@'\"]*(?=@)"
    r"|(?<!abfs://)(?<!abfss://)(?<!wasb://)(?<!wasbs://)(?<=://)[^/\s@'\":]+(?=@)"
)
_SECRET = (
    r"(?:secret|password|passwd|pwd|token|credential|signature|sig(?![a-z])|api_?key|access_?key|account_?key)[\w.-]*"
)
_NAMED = re.compile(rf"({_SECRET}['\"]?\s*[=:]\s*)(['\"]?)[^\s'\"&;,)]+", re.IGNORECASE)
_NAME = re.compile(_SECRET, re.IGNORECASE)
_REFUSED = re.compile(r"No space left on device|Disk quota exceeded|Read-only file system")


def disk_error(error: BaseException | None) -> str | None:
    """Return what the system said where it took no more data, for one of a full disk; None where that was not it.

    It may stand anywhere among the causes, and in the trace that a JVM's error has.

    >>> refusal(RuntimeError("[WRITE_FAILED] java.io.IOException: No space left on device"))
    'No space left on device'
    """
    while error is not None:
        found = _REFUSED.search(f"{error}\n{getattr(error, '_stackTrace', '')}")
        if found:
            return found[0]
        error = error.__cause__ or error.__context__
    return None


def redact(text: str) -> str:
    """Return a text without the secrets that URIs and settings may hold: names of users with passwords, and keys.

    >>> redacted("s3a://AKIA:abc/d@bucket/x?token=12&part=3")
    's3a://***@bucket/x?token=***&part=3'
    >>> redacted("fs.s3a.secret.key=abc next")
    'fs.s3a.secret.key=*** next'
    """
    # guard: secrets-redacted -> return text
    return _NAMED.sub(rf"\g<1>\g<2>{_HIDDEN}", _USER.sub(_HIDDEN, text))


def to_redacted_json(value: Any) -> str:
    """Return a value as JSON, without the secrets in its texts and names, and without texts that are named so.

    >>> as_json({"input": "s3a://AKIA:abc@bucket/x", "password": "abc", "signature.csv": 5})
    '{"input": "s3a://***@bucket/x", "password": "***", "signature.csv": 5}'
    """
    return json.dumps(_without_secrets(value), ensure_ascii=False)


def _without_secrets(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {redact(str(key)): _without_secrets(inside, str(key)) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(inside, name) for inside in value]
    if isinstance(value, str):
        return _HIDDEN if _NAME.search(name) else redact(value)
    return value


def escape_line(text: str) -> str:
    r"""Return a text on one line, its control characters as escapes, without secrets.

    >>> one_line("no\nuse \x1b[31m")
    'no use \\x1b[31m'
    """
    # guard: log-line-breaks-removed -> line = text
    line = " ".join(text.splitlines())
    # guard: log-control-characters-escaped -> return redact(line)
    return redact("".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line))


def escape_lines(text: str) -> str:
    r"""Return a text of several lines, such as a traceback, its control characters as escapes, without secrets.

    >>> block("Error\n\tat \x1b[31mred")
    'Error\n        at \\x1b[31mred'
    """
    return "\n".join(escape_line(line.expandtabs()) for line in text.split("\n"))


class LogFormatter(logging.Formatter):
    """Log lines: what comes from a file cannot begin another line, or move a terminal's cursor."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line, and below it a traceback, if it has one."""
        plain = copy.copy(record)
        plain.msg, plain.args = escape_line(record.getMessage()), None
        return super().format(plain)

    def formatException(self, ei: object) -> str:
        """Return a traceback, see ``escape_lines``."""
        # guard: traceback-control-characters-escaped -> return super().formatException(ei)
        return escape_lines(super().formatException(ei))  # type: ignore[arg-type]
