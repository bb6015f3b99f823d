"""Log output has no secrets and no control characters, and each record is one line."""

import doctest
import logging
import sys

import pytest

from segue.runtime import logs


def test_docstring_examples_are_right():
    assert doctest.testmod(logs).failed == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3a://AKIA:abc+d/e@bucket/x", "s3a://***@bucket/x"),
        ("https://user:pw@host:8080/a?b=1", "https://***@host:8080/a?b=1"),
        ("abfss://container@account.dfs.core.windows.net/x", "abfss://container@account.dfs.core.windows.net/x"),
        ("https://ghp_token@host/x", "https://***@host/x"),
        ("wasb://x?sv=1&sig=aB%2Fc&se=2", "wasb://x?sv=1&sig=***&se=2"),
        ("fs.s3a.secret.key=abc", "fs.s3a.secret.key=***"),
        ('{"password": "abc", "k": 1}', '{"password": "***", "k": 1}'),
        ("API_KEY: abc", "API_KEY: ***"),
        ("The Secret Garden by A@B, tokens of love", "The Secret Garden by A@B, tokens of love"),
        ("file:/data/in@home/x.csv", "file:/data/in@home/x.csv"),
        ("file:/data/signup_date=2026-01-01/design=a/x.csv", "file:/data/signup_date=2026-01-01/design=a/x.csv"),
    ],
)
def test_only_secrets_are_redacted(text, expected):
    assert logs.redact(text) == expected


@pytest.mark.guard("log-control-characters-escaped", "log-line-breaks-removed")
def test_log_record_is_one_line():
    formatter = logs.LogFormatter("%(message)s")
    record = logging.LogRecord("x", logging.INFO, "", 0, "read %s", ("a\n12:00:00 all is well\x1b[2J\u202e",), None)
    assert formatter.format(record) == "read a 12:00:00 all is well\\x1b[2J\\u202e"
    assert record.args  # the record itself is unchanged, for other handlers


@pytest.mark.guard("traceback-control-characters-escaped")
def test_traceback_is_redacted_and_without_control_characters():
    formatter = logs.LogFormatter("%(message)s")
    try:
        raise ValueError("half\x1b[2J\ta title\u202e, password=abc")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "it failed", (), sys.exc_info())
    first, *_, last = formatter.format(record).split("\n")
    assert first == "it failed"
    assert last.startswith("ValueError: half\\x1b[2J")
    assert last.endswith("a title\\u202e, password=***")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("fs.azure.account.key.acc.dfs.core.windows.net=abc==", "fs.azure.account.key.acc.dfs.core.windows.net=***"),
        ("fs.s3a.access.key=AKIA123 next", "fs.s3a.access.key=*** next"),
        ('password="a b c" next', 'password="***" next'),
        ('{"fs.s3a.secret.key": "x,y", "k": 1}', '{"fs.s3a.secret.key": "***", "k": 1}'),
    ],
)
def test_quoted_secrets_and_dotted_keys_are_redacted(text, redacted):
    assert logs.redact(text) == redacted
