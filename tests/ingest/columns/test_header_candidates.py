"""Match the members of nested objects to columns by their last names."""

import pytest

from segue.core import packaged
from segue.ingest.columns.column_matching import match_columns
from segue.ingest.columns.header_candidates import leaf_headers, order_members
from segue.ingest.columns.sources import load_sources


@pytest.fixture(scope="module")
def sources():
    return load_sources(packaged.conf() / "sources")


def matched(names, sources):
    """Return a dict from canonical column to member name."""
    layout = match_columns(leaf_headers(order_members(names)), [], sources)
    return {column: member.header for column, member in layout.columns.items()}


def test_item_of_the_spotify_api(sources):
    track = ["id", "name", "artists", "uri", "type", "href", "popularity", "duration_ms", "explicit", "is_local"]
    album = ["id", "name", "artists", "uri", "type", "release_date", "total_tracks", "popularity"]
    features = ["id", "uri", "type", "tempo", "energy", "duration_ms", "key"]
    names = ["added_at", "added_by.id", "added_by.uri", "primary_color", "track", "audio_features"]
    names += [f"audio_features.{name}" for name in features]
    names += [f"track.{name}" for name in track] + [f"track.album.{name}" for name in album]
    assert matched(names, sources) == {
        "track_id": "track.id",
        "title": "track.name",
        "artist": "track.artists",
        "album": "track.album.name",
        "year": "track.album.release_date",
        "popularity": "track.popularity",
        "duration_s": "track.duration_ms",
        "bpm": "audio_features.tempo",
        "energy": "audio_features.energy",
        "key": "audio_features.key",
        "explicit": "track.explicit",
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["album.name", "album.id", "artists.id", "album.popularity"], {"album": "album.name"}),
        (["name", "album.name", "meta.name"], {"title": "name", "album": "album.name"}),
        (["artist.name", "artist.id", "artist.popularity"], {"artist": "artist.name"}),
        (["x.y.tempo", "x.tempo"], {"bpm": "x.tempo"}),
        (["track", "track.name"], {"title": "track.name"}),
        (["Beats.Per.Minute", "Track.Name"], {"bpm": "Beats.Per.Minute", "title": "Track.Name"}),
        (["audio_features.id", "track.id"], {"track_id": "track.id"}),
        (["owner.name", "user.id", "playlist.name"], {}),
    ],
)
def test_less_nested_and_more_exact_members_win(names, expected, sources):
    assert matched(names, sources) == expected


def test_ignored_members_have_their_whole_names(sources):
    layout = match_columns(leaf_headers(("name", "album.id", "album.name", "album")), [], sources)
    assert layout.ignored == ("album.id",)
