"""Searching tracks by typed titles."""

import pytest
from tests.helpers.delta_tables import TITLES

from segue.lookup.title_search import EXACT_SCORE, PART_SCORE, TitleIndex, best_match


@pytest.fixture(scope="module")
def index():
    return TitleIndex(*zip(*TITLES, strict=True))


def ids(matches):
    return [TITLES[match.index][0] for match in matches]


@pytest.mark.parametrize(
    ("text", "track_id"),
    [
        # the most popular of several releases
        ("bohemian rhapsody", "t2"),
        ("BOHEMIAN  RHAPSODY!", "t2"),
        ("Bohemian Rhapsody - Remastered 2011", "t2"),
        ("bohemain rapsody", "t2"),
        ("bohemian rhapsody queen", "t2"),
        ("rhapsody", "t2"),
        ("t1", "t1"),
        ("halo - beyonce", "t3"),
        ("Beyoncé - Halo", "t3"),
        ("beyonce halo", "t3"),
        ("hello - lionel richie", "t5"),
        ("adele hello", "t4"),
        ("ghost - acoustic", "t6"),
        ("ghost - acoustic - ella", "t6"),
        ("群青", "t7"),
    ],
)
def test_the_best_match(index, text, track_id):
    matches = index.search(text)
    assert TITLES[best_match(matches).index][0] == track_id


def test_recordings_of_one_title_by_popularity(index):
    matches = index.search("hello")
    assert ids(matches) == ["t4", "t5"]
    assert {match.score for match in matches} == {EXACT_SCORE}
    assert best_match(matches) is None


def test_a_weak_match_is_not_the_best_match():
    matches = TitleIndex(["a"], ["Go Beyond"], ["Animadrop"], [1.0]).search("halo beyond")
    assert [match.index for match in matches] == [0]
    assert best_match(matches) is None


def test_a_part_of_a_title_scores_less_than_the_title():
    matches = TitleIndex(["a", "b"], ["Help", "Help Me Now"], ["X", "Y"], [1.0, 99.0]).search("help me")
    assert [(match.index, match.score == PART_SCORE) for match in matches] == [(1, True), (0, False)]


@pytest.mark.parametrize("text", ["xyzzy plugh quux", "", "???", " - "])
def test_no_match(index, text):
    assert index.search(text) == []
    assert best_match([]) is None


def test_tracks_of_unknown_artists_are_recordings_of_their_own():
    matches = TitleIndex(["a", "b", "c"], ["Help", "Help", "Help!"], [None, None, ""], [1.0, 9.0, 5.0]).search("help")
    assert [match.index for match in matches] == [1, 2, 0]
    assert TitleIndex(["a"], ["Help"], [None], [None]).search("nobody - help me") == []
