"""Parse keys, modes, time signatures, ISRCs and the flag of explicit lyrics."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue import schema
from segue.ingest import musical_details
from segue.ingest.musical_details import parse_details, parse_explicit, parse_isrc, parse_key, parse_time_signature

CIRCLE_OF_FIFTHS = ["C", "G", "D", "A", "E", "B", "F#", "Db", "Ab", "Eb", "Bb", "F"]
RELATIVE_MINORS = ["Am", "Em", "Bm", "F#m", "C#m", "G#m", "Ebm", "Bbm", "Fm", "Cm", "Gm", "Dm"]


@pytest.mark.parametrize(
    ("text", "key", "mode"),
    [
        ("0", 0, None), ("11", 11, None), (" 7.0 ", 7, None), ("12", None, None), ("-1", None, None),
        ("7.5", None, None), ("C", 0, None), ("c#", 1, None), ("D♭", 1, None), ("C♯/D♭", 1, None),
        ("C# / Db minor", 1, 0), ("Cb", 11, None),
        ("B#", 0, None), ("A-flat Major", 8, 1), ("F sharp minor", 6, 0), ("Bb maj", 10, 1), ("bbm", 10, 0),
        ("CM", 0, 1), ("E♭ dur", 3, 1), ("d moll", 2, 0),
        ("8B", 0, 1), ("8a", 9, 0), ("08B", 0, 1), ("1A", 8, 0), ("12B", 4, 1), ("13A", None, None), ("0B", None, None),
        *((text, None, None) for text in ("", "H", "Do", "unknown", "C|x", "Camelot", "C major third", "Ⅷ", "1/2")),
    ],
)  # fmt: skip
def test_key_is_parsed(text, key, mode):
    assert parse_key(text) == (key, mode)


def test_wheels_go_round_the_circle_of_fifths():
    for steps, (major, minor) in enumerate(zip(CIRCLE_OF_FIFTHS, RELATIVE_MINORS, strict=True)):
        camelot, open_key = (7 + steps) % 12 + 1, steps + 1
        assert parse_key(f"{camelot}B") == parse_key(f"{open_key}d") == (parse_key(major)[0], 1)
        assert parse_key(f"{camelot}A") == parse_key(f"{open_key}m") == parse_key(minor)


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        ({}, {}),
        ({"title": "x"}, {}),
        ({"key": "8A"}, {"key": 9, "mode": 0}),
        ({"key": "C Major", "mode": "0"}, {"key": 0, "mode": 0}),  # the column of modes decides
        ({"key": "8B", "mode": "-1"}, {"key": 0, "mode": 1}),
        ({"key": "5", "mode": "Minor"}, {"key": 5, "mode": 0}),
        ({"key": None, "explicit": "", "isrc": "?"}, {"explicit": None, "isrc": None}),
        ({"time_signature": "3/4", "explicit": "Explicit"}, {"time_signature": 3, "explicit": True}),
    ],
)
def test_details_of_a_row(texts, values):
    assert parse_details(texts) == values
    assert values.keys() <= set(schema.DETAILS)


@pytest.mark.parametrize(
    ("text", "isrc"),
    [("USRC17607839", "USRC17607839"), (" us-rc1-76-07839 ", "USRC17607839"), ("ISRC GB AYE 69 00531", "GBAYE6900531"),
     *((text, None) for text in ("", "-", "USRC1760783", "USRC176078390", "12RC17607839", "USRC1760783O", "N/A"))],
)  # fmt: skip
def test_isrc_is_normalised(text, isrc):
    assert parse_isrc(text) == isrc


def test_flags_and_bars():
    assert [parse_explicit(t) for t in ("true", "FALSE", "1", "0.0", "No", "notExplicit", "?", "2")] == [
        True, False, True, False, False, False, None, None,
    ]  # fmt: skip
    assert [parse_time_signature(t) for t in ("4", "5.0", "12/8", "0", "-1", "4.5", "x", "300")] == [
        4, 5, 12, None, None, None, None, None,
    ]  # fmt: skip


@given(st.text(max_size=12))
def test_any_text_is_a_value_in_its_range_or_none(text):
    values = parse_details(dict.fromkeys(schema.DETAILS, text))
    assert values["key"] in (None, *range(12))
    assert values["mode"] in (None, 0, 1)
    assert values["time_signature"] is None or values["time_signature"] > 0


def test_examples_in_docstrings():
    failed, attempted = doctest.testmod(musical_details)
    assert (failed, attempted > 0) == (0, True)
