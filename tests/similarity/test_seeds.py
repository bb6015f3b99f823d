"""Files that list tracks, and the tracks of a catalogue that they match."""

import gzip
import io
import json
import zipfile

import openpyxl
import pytest

from segue.core import packaged
from segue.errors import InputError
from segue.ingest.columns.sources import Source, load_sources
from segue.similarity.seed_files import MAX_BYTES, read_playlists, read_seeds
from segue.similarity.seeds import CatalogueTrack, SeedIndex, resolve_seeds

ID = "6f807x0ima9a1j3VPbc7VN"
CATALOGUE = [
    CatalogueTrack("a", "Help! - Remastered 2009", "The Beatles", 70.0),
    CatalogueTrack("b", "Help!", "The Beatles", 50.0),
    CatalogueTrack("c", "Help", "Bananarama", 90.0),
    CatalogueTrack("d", "Halo", "Beyoncé", None),
    CatalogueTrack("e", "Song 2 - Part A", "Blur; Friends", 1.0),
    CatalogueTrack("f", "Under Pressure", "Queen, David Bowie", 1.0, "GBUM71029601"),
    CatalogueTrack("g", "Sakura", "", 1.0),
    CatalogueTrack("h", "1. Allegro", "Vivaldi", 1.0),
    CatalogueTrack("i", "Down by the River", "Neil Young", 1.0),
    CatalogueTrack(ID, "I Don't Care", "Ed Sheeran", 1.0),
]


SOURCES = load_sources(packaged.conf() / "sources")


def resolve(content):
    seeds = read_seeds(content.encode() if isinstance(content, str) else content, "mine", SOURCES)
    ids, unmatched = resolve_seeds(seeds, SeedIndex(CATALOGUE))
    return ids, [seed.text for seed in unmatched]


@pytest.mark.parametrize(
    ("line", "track_id"),
    [("help", "c"), ("Help! - The Beatles", None), ("a", None), ("halo", None), ("GBUM71029601", None), ("none", None)],
)
def test_title_of_several_artists_is_ambiguous(line, track_id):
    (seed,) = read_seeds(line.encode(), "mine", SOURCES)
    track = SeedIndex(CATALOGUE).find_ambiguous(seed)
    assert track_id == (track and track.track_id)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("b\nd\n", ["b", "d"]),
        ("\ufeff# mine\n\n  help\n", ["c"]),
        ("help - the beatles", ["a"]),
        ("Beatles - Help! (Live)", ["a"]),
        ("Beatles \u2013 Help!\nHalo\u00a0\u2014 Beyoncé", ["a", "d"]),
        ("Help! by The Beatles\ndown by the river\nDown By The River BY Neil Young", ["a", "i"]),
        ("1. Help! - The Beatles\n2) Halo\n1. Allegro", ["a", "d", "h"]),
        ("song 2 - part a", ["e"]),
        ("SONG 2 - part a - friends", ["e"]),
        ("spotify:track:b\nhttps://open.spotify.com/track/d?si=1", ["b", "d"]),
        (
            "https://open.spotify.com/intl-de/track/d?si=1\nspotify:local:Neil+Young:Gold:Down+by+the+River:180",
            ["d", "i"],
        ),
        ("d\nhalo - beyonce\nd", ["d"]),
        ("track_id\na\n", ["a"]),
        ("name;artist\nHelp!;Bananarama\nHelp!;Beatles\n", ["c", "a"]),
        ("Title\tYear\nHalo\t2008\n", ["d"]),
        ("My favourites\n\nName,Artist\nHelp!,Beatles\n", ["a"]),
        # no header: a cell with an id or a link, or title and artist in some order
        (f"Ed,{ID},2019\nAnna,spotify:track:b,2020", [ID, "b"]),
        ("7,Halo,Beyoncé,2008\nNeil Young;Down by the River", ["d", "i"]),
        # an artist whom the catalogue joins with another, and one whom it does not know
        ("name,artist\nUnder Pressure,Queen\nSakura,Ikimono Gakari\n", ["f", "g"]),
        ("#EXTM3U\n#EXTINF:200,Bananarama - Help\nMusic/01.mp3\n", ["c"]),
        # the columns of Exportify, with and without features: an id that the catalogue does not have
        ('Track URI,Track Name,Artist Name(s)\nspotify:track:zz,Help!,"The Beatles,Billy"\n', ["a"]),
        ('Track URI,Track Name,Artist Name(s)\nspotify:track:b,"Anything, at all",Nobody\n', ["b"]),
        (
            '"Spotify URI","Track Name","Artist Name","Album Name","Disc Number","Track Number","Track Duration (ms)"'
            ',"Added By","Added At"\n"spotify:track:zz","Halo","Beyoncé","I Am","1","1","261640","me","2020-01-01"\n',
            ["d"],
        ),
        # TuneMyMusic
        (
            "Track name,Artist name,Album,Playlist name,Type,ISRC,Spotify - id\n"
            f"I Care,Ed,,Mine,Playlist,,{ID}\nPressure,Nobody,,Mine,Playlist,GB-UM7-10-29601,\nHalo,Beyoncé,,,,,\n",
            [ID, "f", "d"],
        ),
    ],
)
def test_files_match_tracks_by_id_isrc_title_and_artist(text, ids):
    assert resolve(text) == (ids, [])


LIBRARY = {
    "tracks": [
        {"artist": "Beyoncé", "album": "I Am", "track": "Halo", "uri": "spotify:track:zz"},
        {"artist": "X", "album": "Y", "track": "Z", "uri": "spotify:track:b"},
    ],
    "albums": [{"artist": "Bananarama", "album": "Help", "uri": "spotify:album:1"}],
    "artists": [{"name": "Help", "uri": "spotify:artist:1"}],
    "shows": [{"name": "Help", "publisher": "Bananarama", "uri": "spotify:show:1"}],
}
PLAYLISTS = {
    "playlists": [
        {
            "name": "Help",
            "items": [
                {
                    "track": {"trackName": "Help!", "artistName": "Beatles", "trackUri": "spotify:track:zz"},
                    "episode": None,
                    "localTrack": None,
                },
                {"track": None, "localTrack": {"uri": "spotify:local:Neil+Young::Down+by+the+River:180"}},
            ],
        }
    ]
}
API = {
    "items": [
        {"track": {"id": ID, "name": "?", "type": "track", "artists": [{"name": "?"}], "album": {"name": "Help"}}},
        {"track": {"id": "zz", "name": "Help", "artists": [{"name": "Nobody"}, {"name": "Bananarama"}]}},
        {"album": {"type": "album", "name": "Halo", "artists": [{"name": "Beyoncé"}]}},
        {"track": {"id": "zz", "name": "?", "artists": [{"name": "?"}], "external_ids": {"isrc": "GBUM71029601"}}},
    ]
}
HISTORY = [{"endTime": "2020-01-01", "artistName": "Bananarama", "trackName": "Help", "msPlayed": 1}]


@pytest.mark.parametrize(
    ("value", "ids", "unmatched"),
    [
        (LIBRARY, ["d", "b"], []),
        (PLAYLISTS, ["a", "i"], []),
        (API, [ID, "f"], ["Help - Nobody; Bananarama"]),
        (HISTORY, ["c"], []),
        (["spotify:track:b", "https://open.spotify.com/track/d", "Help"], ["b", "d"], []),
    ],
)
def test_json_of_spotify(value, ids, unmatched):
    assert resolve(json.dumps(value)) == (ids, unmatched)
    assert resolve(json.dumps(value, indent=2).encode("utf-16")) == (ids, unmatched)


def test_json_lines_and_a_title_in_brackets():
    assert resolve('{"name": "Halo", "artist": "Beyoncé"}\n{"uri": "spotify:track:b"}\n') == (["d", "b"], [])
    assert resolve("[Help]") == (["c"], [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings(encoding):
    assert resolve("Title,Artist\nHalo,Beyoncé\n".encode(encoding)) == (["d"], [])


def test_encoding_is_detected_as_that_of_tracks():
    titles = ["Группа крови", "Звезда по имени Солнце", "Пачка сигарет", "Спокойная ночь"]
    seeds = read_seeds("\n".join(titles).encode("cp1251"))
    assert [seed.text for seed in seeds] == titles


def test_workbook_is_read_as_its_sheet():
    book = openpyxl.Workbook()
    for row in (["Title", "Artist"], ["Halo", "Beyoncé"]):
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    assert resolve(stream.getvalue()) == (["d"], [])


def test_values_choose_between_two_columns_of_ids():
    text = f"id,track uri,title\n1,spotify:track:b,Halo\n2,spotify:track:{ID},x\n"
    assert resolve(text) == (["b", ID], [])


def zipped(*files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return stream.getvalue()


def test_archives_of_one_file():
    files = [("mine/list.txt", "Halo"), ("__MACOSX/mine/._list.txt", b"\0"), ("mine/.DS_Store", b"\0")]
    assert resolve(zipped(*files)) == (["d"], [])
    assert resolve(gzip.compress(b"Halo")) == (["d"], [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(("a.csv", "x"), ("b.csv", "x")), "--seeds mine holds 2 data files (a.csv, b.csv), expected a list"),
        (zipped(), "holds no data file"),
        (zipped(("[Content_Types].xml", ""), ("xl/workbook.xml", "")), "is a damaged Excel workbook"),
        (zipped(("mimetype", ""), ("content.xml", "")), "is an office document"),
        (zipped(("a.csv", "x"))[:40], "is damaged or breaks off"),
        (gzip.compress(b"Halo")[:-9], "is damaged or breaks off"),
        (zipped(("a.csv", b" " * (MAX_BYTES + 1))), "has more than 50 MB of text"),
        (gzip.compress(b" " * (MAX_BYTES + 1)), "has more than 50 MB of text"),
        (b"PAR1 and so on", "is a Parquet file, expected a list of tracks"),
        (b"\x01\0\0\x02\0\0\0\0\x03\x04\x05\x06", "is a binary file, expected a list of tracks"),
    ],
)
def test_other_files_are_refused_in_one_line(content, message):
    with pytest.raises(InputError) as raised:
        resolve(content)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_seeds_without_a_match_are_returned():
    assert resolve("help - queen\nb\nname it, as you like") == (["b"], ["help - queen", "name it, as you like"])
    assert resolve("name,artist\nHelp!,Queen\n,\n") == ([], ["Help! - Queen"])
    assert resolve("\n \n") == ([], [])
    assert resolve("{}") == ([], [])


def test_headers_of_sources_are_recognised():
    source = Source("spanish", {"tema": ("title", None), "intérprete": ("artist", None)})
    seeds = read_seeds("tema;intérprete\nHalo;Beyoncé\n".encode(), sources=[source])
    assert resolve_seeds(seeds, SeedIndex(CATALOGUE)) == (["d"], [])


@pytest.mark.parametrize(
    ("content", "playlists"),
    [
        ("track_id,playlist_name,playlist_id\na,x,1\nb,x,2\nc,x,1\n", [["a", "c"], ["b"]]),
        ("Track name,Artist name,Playlist name\nHelp!,The Beatles,x\nHalo,Beyoncé,y\n", [["a"], ["d"]]),
        ("Playlist;Titel;Interpret\nx;Help!;Bananarama\n;Halo;Beyonce\n", [["c"], ["d"]]),
        ("a\nb\n", [["a", "b"]]),
        (
            json.dumps(
                {
                    "playlists": [
                        {"name": "x", "items": [{"track": {"trackName": "Help!", "artistName": "The Beatles"}}]},
                        {"name": "x", "tracks": [{"track_uri": "spotify:track:d", "track_name": "Halo", "pos": 0}]},
                    ]
                }
            ),
            [["a"], ["d"]],
        ),
    ],
)
def test_playlists_of_one_file_are_separated(content, playlists):
    read = read_playlists(content.encode(), "mine", SOURCES)
    assert [resolve_seeds(seeds, SeedIndex(CATALOGUE))[0] for seeds in read.values()] == playlists
