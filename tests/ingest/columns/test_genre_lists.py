"""Decide whether genres are lists with a separator, and split them."""

import doctest

import pytest

from segue.ingest.columns import genre_lists
from segue.ingest.columns.column_matching import ColumnLayout, MatchedColumn
from segue.ingest.columns.genre_lists import genre_separator, split_genres, with_genre_separator
from segue.ingest.columns.layout_memory import Guess


@pytest.mark.parametrize(
    ("texts", "separator"),
    [
        (["rock, pop, indie rock", "jazz, pop, indie jazz"], ","),
        (["hip hop, pop, R&B", "pop", "World/Traditional, pop", "set()", "Dance/Electronic"], ","),
        (["rock; indie", "indie"], ";"),
        (["a|b", "b|c", "d"], "|"),
        (["Folk, World, & Country; Rock", "Rock; Pop, Soul", "Pop, Soul; Jazz"], ";"),
        # names with a separator in them
        (["Drum & Bass", "R&B/Soul", "Hip-Hop/Rap", "R&B/Funk"], None),
        (["Folk, World, & Country", "Rock", "Folk"], None),
        (["Classical, Opera & Vocal", "Folk, World, & Country", "Pop"], None),
        (["pop, country"], None),
        (["rock; indie", "pop, country", "country, rock", "indie; pop"], None),  # no separator is used throughout
        (["rock;", "pop;"], None),
        (["['rock, pop', 'x']", "['jazz, pop']", "{'a', 'b'}"], None),  # the brackets tell
        ([], None),
    ],
)
def test_separator_is_decided_from_the_texts(texts, separator):
    assert genre_separator(texts) == separator
    assert genre_separator(texts[::-1]) == separator


@pytest.mark.parametrize(
    ("text", "separator", "genres"),
    [
        ("pop,  country", ",", ("pop", "country")),
        ("pop, country", None, ("pop, country",)),
        ("rock; pop;rock;", ";", ("rock", "pop")),
        ("a | unknown|b", "|", ("a", "b")),
        ("Rock, Folk, World, & Country, Pop", ",", ("Rock", "Folk, World, & Country", "Pop")),
        ("['pop, country', 'rock']", ",", ("pop, country", "rock")),
        ("{'rock', 'pop'}", None, ("rock", "pop")),  # in the order of the file
        *((text, None, ()) for text in ("set()", "[]", "{}", "NaN", "Unknown", "?", "empty_field", "<NA>", None)),
        ("Unknown Pleasures", None, ("Unknown Pleasures",)),
    ],
)
def test_genres_are_split(text, separator, genres):
    assert split_genres(text, separator) == genres


def test_a_file_without_lists_follows_the_files_with_the_same_header():
    layout = ColumnLayout("s", {"genre": MatchedColumn(1, "Genre")}, guesses=(Guess("x", ""),))
    many = [["t", "rock, pop"], ["t", "jazz, pop"], ["short"], ["t", None]]
    assert with_genre_separator(layout, many, []).genre_separator == ","
    decided = with_genre_separator(layout, [["t", "pop, soul"]], many)
    assert (decided.genre_separator, decided.decisions) == (
        ",",
        ("x", "column 'Genre' read as lists of genres separated by ','"),
    )
    assert with_genre_separator(layout, [["t", "pop"]], [["t", "soul"]]) is layout
    assert with_genre_separator(ColumnLayout("s", {}), many, many).genre_separator is None


def test_examples_in_docstrings():
    failed, attempted = doctest.testmod(genre_lists)
    assert (failed, attempted > 0) == (0, True)
