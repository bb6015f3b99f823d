"""Keys of artists and titles, by hand, and folding of texts one by one and together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.similarity import title_keys


@pytest.mark.parametrize(
    "title",
    [
        "Help!",
        "HELP",
        "Help! - Remastered 2009",
        "Help! - 2009 Remaster",
        "Help! - Mono / Remastered",
        "Help! (Remastered)",
        "Help! (Remasterisé 2009)",
        "Help! (Live)",
        "Help! [Live at the BBC]",
        "Help! - Live at Wembley Stadium, July 1986",
        "Help! - Live",
        "Help! feat. Billy Preston",
        "Help! feat. Billy Preston - Radio Edit",
        "Help! ft. Billy Preston [Mono]",
        "Help! (feat. Billy Preston) - Single Version",
        "Help! (with Billy Preston)",
        "Help! - Radio Edit",
        "Help! - From “Help” Soundtrack",
        "Help! - MTV Unplugged",
        "Help! - Ao Vivo",
        "Help! - En Vivo Teatro Regina 1982",
        "Hélp!",
    ],
)
def test_releases_of_one_recording_have_one_key(title):
    assert title_keys.title_key(title) == "help"


@pytest.mark.parametrize(
    "title",
    [
        "Help! - Acoustic",
        "Help! (Acoustic Version)",
        "Help! - Tiësto Remix",
        "Help! feat. Billy Preston - Tiësto Remix",
        "Help! feat. Billy Preston (Acoustic)",
        "Help! - Karaoke Version",
        "Help! - Instrumental",
        "Help! (I Need Somebody)",
        "Help! - Part 2",
        "Help! Help!",
    ],
)
def test_other_recordings_have_other_keys(title):
    assert title_keys.title_key(title) != "help"


def test_words_that_resemble_a_note_remain():
    assert title_keys.title_key("Live and Let Die") == "live and let die"
    assert title_keys.title_key("Songs (Live and Let Die)") == "songs live and let die"
    assert title_keys.title_key("Nothing - Olive Trees") == "nothing olive trees"
    assert title_keys.title_key("With Or Without You") == "with or without you"
    assert title_keys.title_key("Left Feature") == "left feature"


@pytest.mark.parametrize("texts", [["a\nb", ""], ["", "\n"], ["x\r", "y\r\n"], ["a\u2028b", "c"], [""]])
def test_line_breaks_separate_words_not_texts(texts):
    assert title_keys.normalise_words_of_all(texts) == [" ".join(text.split()) for text in texts]


@given(st.lists(st.text("aBß ñ'\u2019&_-([)]feat.\n\r\x0b\x85\u2028\u0301éİΣ①㍻", max_size=12), max_size=4))
def test_texts_converted_together_equal_texts_converted_one_by_one(texts):
    assert title_keys.fold_texts(texts) == [title_keys.fold_text(text) for text in texts]
    assert title_keys.normalise_words_of_all(texts) == [title_keys.normalise_words_of_all([text])[0] for text in texts]
    assert title_keys.title_keys(texts) == [title_keys.title_key(text) for text in texts]


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_words_consist_of_letters_and_digits(text):
    plain = "".join(letter for letter in text.replace("&", " and ") if letter not in "'\u2019")
    expected = "".join(letter if letter.isalnum() else " " for letter in plain).split()
    assert title_keys.normalise_words(text).split() == expected


def test_words_include_notes_and_keys_do_not():
    titles = ["Help! (Live)", "Help!", "(Live)", "Let It Be - Remastered", "???"]
    words, keys = title_keys.words_and_keys(titles)
    assert words == ["help live", "help", "live", "let it be remastered", ""]
    assert keys == ["help", "help", "live", "let it be", "???"]


def test_a_title_of_a_note_or_punctuation_alone_is_its_key():
    assert title_keys.title_key("(Live)") == "live"
    assert title_keys.title_key("Remastered") == "remastered"
    assert title_keys.title_key("???") == "???"
    assert title_keys.title_key("") == ""


@pytest.mark.parametrize(
    ("artist", "key"),
    [
        ("The Beatles", "beatles"),
        ("Beatles", "beatles"),
        ("beatles; Billy Preston", "beatles"),
        ("Simon & Garfunkel", "simon and garfunkel"),
        ("Simon and Garfunkel", "simon and garfunkel"),
        ("Beyoncé", "beyonce"),
        ("The", "the"),
        ("!!!", "!!!"),
        ("椎名林檎", "椎名林檎"),
    ],
)
def test_artist_keys(artist, key):
    assert title_keys.artist_key(artist) == key


def test_keys_of_many_texts():
    titles = ["Two\nLines", "snake_case", "", "???", "A\u2028B", "Don't (Live)", "Left - Remix", "", "R&B"]
    assert title_keys.title_keys(titles) == [
        "two lines",
        "snake case",
        "",
        "???",
        "a b",
        "dont",
        "left remix",
        "",
        "r and b",
    ]
    assert title_keys.artist_keys(["The Who", "who; Elton John", "", "The Who"]) == ["who", "who", "", "who"]
    assert title_keys.title_keys([]) == title_keys.artist_keys([]) == title_keys.normalise_words_of_all([]) == []
