"""Digests by hand, and text without control characters."""

import hashlib

import pytest

from segue.core.text import java_cause, json_digest, printable


def test_a_digest_is_the_sha256_of_json_with_sorted_keys():
    text = '{"a": [1, 2.5], "b": {"c": "\\u00e9", "d": null}}'
    digest = hashlib.sha256(text.encode()).hexdigest()
    value = {"b": {"d": None, "c": "\u00e9"}, "a": (1, 2.5)}
    assert json_digest(value) == digest[:16]
    assert json_digest(value, 64) == digest


def test_a_digest_of_unescaped_json_differs():
    digest = hashlib.sha256('["\u00e9"]'.encode()).hexdigest()[:16]
    assert json_digest(["\u00e9"], ensure_ascii=False) == digest
    assert json_digest(["\u00e9"]) != digest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain \u00e9 \u7fa4", "plain \u00e9 \u7fa4"),
        ("\x1b[31mred\x07", " [31mred "),
        ("a\r\nb\tc", "a  b c"),
        ("a\u202eb\u200cc", "a b c"),
        ("", ""),
    ],
)
def test_unprintable_characters_become_spaces(text, expected):
    assert printable(text) == expected


def test_chosen_unprintable_characters_stay():
    assert printable("a\u200cb\x07", keep="\u200c") == "a\u200cb "


def test_cause_of_an_error_of_s3_is_its_message_without_the_request():
    message = 'the region "us-east-2" is wrong; expecting "us-east-1"'
    trace = f"""An error occurred while calling o1.open.
: org.apache.hadoop.fs.s3a.AWSBadRequestException: open: 400
\tat org.apache.hadoop.fs.s3a.S3AUtils.translateException(S3AUtils.java:1)
Caused by: software.amazon.awssdk.services.s3.model.S3Exception: {message} (Service: S3, Status Code: 400, Request ID: 1) (SDK Attempt Count: 1)
\tat software.amazon.awssdk.core.internal.http.CombinedResponseHandler.handle(CombinedResponseHandler.java:1)
"""  # noqa: E501
    assert java_cause(RuntimeError(trace)) == f"S3Exception: {message}"
