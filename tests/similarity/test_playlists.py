"""Files that list tracks, and the tracks of a catalogue that they match."""

import pytest

from segue.similarity.playlists import CatalogueTrack, read_seeds, resolve_seeds

CATALOGUE = [
    CatalogueTrack("a", "Help! - Remastered 2009", "The Beatles", 70.0),
    CatalogueTrack("b", "Help!", "The Beatles", 50.0),
    CatalogueTrack("c", "Help", "Bananarama", 90.0),
    CatalogueTrack("d", "Halo", "Beyoncé", None),
    CatalogueTrack("e", "Song 2 - Part A", "Blur; Friends", 1.0),
]


def resolve(text):
    return resolve_seeds(read_seeds(text), CATALOGUE)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("b\nd\n", ["b", "d"]),
        ("\ufeff# mine\n\n  help\n", ["c"]),
        ("help - the beatles", ["a"]),
        ("Beatles - Help! (Live)", ["a"]),
        ("song 2 - part a", ["e"]),
        ("SONG 2 - part a - friends", ["e"]),
        ("spotify:track:b\nhttps://open.spotify.com/track/d?si=1", ["b", "d"]),
        ("d\nhalo - beyonce\nd", ["d"]),
        ("track_id\na\n", ["a"]),
        ("name;artist\nHelp!;Bananarama\nHelp!;Beatles\n", ["c", "a"]),
        ("Title\tYear\nHalo\t2008\n", ["d"]),
        # the columns of Exportify: an id that the catalogue does not have, artists joined by a comma
        ('Track URI,Track Name,Artist Name(s)\nspotify:track:zz,Help!,"The Beatles,Billy"\n', ["a"]),
        ('Track URI,Track Name,Artist Name(s)\nspotify:track:b,"Anything, at all",Nobody\n', ["b"]),
    ],
)
def test_files_match_tracks_by_id_title_and_artist(text, ids):
    assert resolve(text) == (ids, [])


def test_seeds_without_a_match_are_returned():
    assert resolve("help - queen\nb\nname it, as you like") == (["b"], ["help - queen", "name it, as you like"])
    assert resolve("name,artist\nHelp!,Queen\n,\n") == ([], ["Help! - Queen", ""])
    assert resolve("\n \n") == ([], [])
