"""Test keys and their distances against the published Camelot wheel."""

import numpy as np
import pytest
from tests.similarity import oracle

from segue.similarity.keys import UNKNOWN, can_follow, key_code, key_name, steps

PITCHES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
CODES = np.arange(24)


def test_every_key_has_its_name_and_its_field_on_the_wheel():
    names = [
        f"{PITCHES[pitch]} {kind} ({number}{letter})"
        for number, pitches in enumerate(zip(oracle.MINOR, oracle.MAJOR, strict=True), 1)
        for pitch, kind, letter in zip(pitches, ("minor", "major"), "AB", strict=True)
    ]
    codes = [
        key_code(pitch, mode)
        for pair in zip(oracle.MINOR, oracle.MAJOR, strict=True)
        for mode, pitch in enumerate(pair)
    ]
    assert codes == CODES.tolist()
    assert [key_name(code) for code in codes] == names
    assert key_name(key_code(None, 1)) == key_name(key_code(9, None)) == ""


@pytest.mark.parametrize(
    ("key", "compatible"),
    [
        ((9, 0), {"A minor (8A)", "D minor (7A)", "E minor (9A)", "C major (8B)"}),
        ((11, 1), {"B major (1B)", "E major (12B)", "F# major (2B)", "Ab minor (1A)"}),
    ],
)
def test_four_keys_are_compatible_with_each(key, compatible):
    assert {key_name(code) for code in CODES[can_follow(key_code(*key), CODES)]} == compatible


def test_unknown_keys():
    keys = np.array([UNKNOWN, 14])
    assert can_follow(UNKNOWN, keys).tolist() == [True, True]
    assert can_follow(14, keys).tolist() == [False, True]
    assert steps(np.array([UNKNOWN, 0]), np.array([12, UNKNOWN])).tolist() == [0, 0]


def test_steps_are_the_shortest_paths_on_the_wheel():
    # breadth first from every key to the neighbours of 8A: 7A, 9A and 8B
    expected = np.full((24, 24), -1)
    for start in CODES:
        border, distance = {int(start)}, 0
        while border:
            expected[start, list(border)] = distance
            border = {n for c in border for n in ((c + 2) % 24, (c - 2) % 24, c ^ 1) if expected[start, n] < 0}
            distance += 1
    assert steps(CODES[:, None], CODES).tolist() == expected.tolist()
    assert expected.max() == 7
