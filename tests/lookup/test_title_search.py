"""Titles as people type them."""

import pytest
from tests.helpers.delta_tables import TITLES

from segue.lookup.title_search import EXACT, PART, Titles, best_match


@pytest.fixture(scope="module")
def titles():
    return Titles(*zip(*TITLES, strict=True))


def ids(hits):
    return [TITLES[hit.index][0] for hit in hits]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        # of several releases the most popular one
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
def test_what_is_meant(titles, text, name):
    hits = titles.search(text)
    assert TITLES[best_match(hits).index][0] == name


def test_several_recordings_of_one_title_are_candidates_the_popular_first(titles):
    hits = titles.search("hello")
    assert ids(hits) == ["t4", "t5"]
    assert {hit.score for hit in hits} == {EXACT}
    assert best_match(hits) is None


def test_one_that_only_comes_near_is_asked_back():
    hits = Titles(["a"], ["Go Beyond"], ["Animadrop"], [1.0]).search("halo beyond")
    assert [hit.index for hit in hits] == [0]
    assert best_match(hits) is None


def test_a_part_of_a_title_counts_less_than_the_title():
    hits = Titles(["a", "b"], ["Help", "Help Me Now"], ["X", "Y"], [1.0, 99.0]).search("help me")
    assert [(hit.index, hit.score == PART) for hit in hits] == [(1, True), (0, False)]


@pytest.mark.parametrize("text", ["xyzzy plugh quux", "", "???", " - "])
def test_nothing_comes_near(titles, text):
    assert titles.search(text) == []
    assert best_match([]) is None
