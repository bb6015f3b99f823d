"""Digests by hand, and text without control characters."""

import hashlib

import pytest

from segue.core.text import json_digest, printable


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
