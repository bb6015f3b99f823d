"""Match headers of published files, in other languages, and misspelt, to canonical columns."""

import pytest

from segue import schema
from segue.core import packaged
from segue.ingest.columns.column_matching import match_columns, match_headers
from segue.ingest.columns.sources import Source, load_sources

SOURCES = load_sources(packaged.conf() / "sources")
FEATURES = {"bpm", "loudness", "liveness", "valence", "acousticness", "speechiness"}
KAGGLE = (
    "Index,Title,Artist,Top Genre,Year,Beats Per Minute (BPM),Energy,Danceability,Loudness (dB),Liveness,Valence,"
    "Length (Duration),Acousticness,Speechiness,Popularity"
)
ABBREVIATED = (
    "title,artist,top genre,year released,added,bpm,nrgy,dnce,dB,live,val,dur,acous,spch,pop,top year,artist type"
)
API = (
    "id,name,album,album_id,artists,artist_ids,track_number,disc_number,explicit,danceability,energy,key,loudness,mode,"
    "speechiness,acousticness,instrumentalness,liveness,valence,tempo,duration_ms,time_signature,release_date"
)
SONGS = (
    "track_id,track_name,track_artist,track_popularity,track_album_id,track_album_name,track_album_release_date,"
    "playlist_name,playlist_id,playlist_genre,playlist_subgenre,danceability,energy,key,loudness,mode,speechiness,"
    "acousticness,instrumentalness,liveness,valence,tempo,duration_ms"
)
MOST_STREAMED = (
    "track_name,artist(s)_name,artist_count,released_year,released_month,in_spotify_playlists,streams,bpm,key,mode,"
    "danceability_%,valence_%,energy_%,acousticness_%,instrumentalness_%,liveness_%,speechiness_%"
)
EXPORTIFY = (
    "Track URI,Track Name,Album Name,Artist Name(s),Release Date,Duration (ms),Popularity,Explicit,Added By,Added At,"
    "Genres,Record Label,Danceability,Energy,Key,Loudness,Mode,Speechiness,Acousticness,Instrumentalness,Liveness,"
    "Valence,Tempo,Time Signature"
)


HOT_100 = (
    "index,SongID,Performer,Song,spotify_genre,spotify_track_duration_ms,spotify_track_explicit,spotify_track_album,"
    "danceability,energy,key,loudness,speechiness,acousticness,instrumentalness,liveness,valence,tempo,"
    "spotify_track_popularity"
)
CHARTS = (
    "title,rank,date,artist,url,region,track_id,album,popularity,duration_ms,af_danceability,af_energy,af_loudness,"
    "af_speechiness,af_acousticness,af_instrumentalness,af_liveness,af_valence,af_tempo,af_time_signature"
)
TOP_50_BY_R = (
    ",Track.Name,Artist.Name,Genre,Beats.Per.Minute,Energy,Danceability,Loudness..dB..,Liveness,Valence.,Length.,"
    "Acousticness..,Speechiness.,Popularity"
)
MILLION_SONGS = (
    "artist.hotttnesss,artist.id,artist.name,artist.terms,artist.terms_freq,release.id,release.name,song.beats_start,"
    "song.duration,song.hotttnesss,song.id,song.key,song.loudness,song.tempo,song.title,song.year"
)
API_ITEMS = (
    "added_at,added_by.id,playlist.name,track.id,track.name,track.album.name,track.album.id,track.album.release_date,"
    "track.artists,track.artists.id,track.popularity,artist.popularity,audio_features.tempo,audio_features.loudness"
)
DEEZER = "id,title,title_short,duration,rank,bpm,gain,artist.id,artist.name,album.id,album.title,release_date"
IN_LANGUAGES = {
    "spanish": "título,artista,álbum,género,año,tempo,volumen,energía,bailabilidad,en vivo,valencia,acusticidad,"
    "locuacidad,instrumentalidad,duración,popularidad",
    "portuguese": "música,artista,álbum,gênero,ano,tempo,volume,energia,dançabilidade,ao vivo,valência,acústica,fala,"
    "instrumental,duração,popularidade",
    "german": "Titel,Künstler,Album,Genre,Jahr,Tempo,Lautstärke,Energie,Tanzbarkeit,Lebendigkeit,Valenz,Akustik,"
    "Sprachanteil,Instrumentalität,Länge,Popularität",
    "french": "titre,artiste,album,genre,année,tempo,volume sonore,énergie,dansabilité,en direct,valence,acousticité,"
    "contenu parlé,instrumentalité,durée,popularité",
    "italian": "titolo,artista,album,genere,anno,tempo,volume,energia,ballabilità,dal vivo,valenza,acusticità,parlato,"
    "strumentalità,durata,popolarità",
    "dutch": "titel,artiest,album,genre,jaar,tempo,luidheid,energie,dansbaarheid,levendigheid,valentie,akoestiek,"
    "gesproken,instrumentaliteit,duur,populariteit",
    "polish": "tytuł,wykonawca,album,gatunek,rok,tempo,głośność,energia,taneczność,na żywo,walencja,akustyczność,"
    "mówioność,instrumentalność,czas trwania,popularność",
}
ALL_COLUMNS = (
    "title,artist,album,genre,year,bpm,loudness,energy,danceability,liveness,valence,acousticness,speechiness,"
    "instrumentalness,duration_s,popularity"
)
WITHOUT_ACCENTS = str.maketrans("áàâãäçéèêęëíìîïłñńóòôõöśúùûüźż", "aaaaaceeeeeiiiilnnooooosuuuuzz")


def headers_of(header: str) -> dict[str, str]:
    """Return the matched header of every column."""
    return {name: column.header for name, column in match_headers(header.split(","), SOURCES)[1].items()}


@pytest.mark.parametrize(
    ("header", "source", "expected", "absent"),
    [
        (KAGGLE, "kaggle-2000", {"bpm": "Beats Per Minute (BPM)", "duration_s": "Length (Duration)"}, {"track_id"}),
        (ABBREVIATED, "kaggle-2000", {"energy": "nrgy", "year": "year released", "loudness": "dB"}, {"track_id"}),
        (API, "spotify-api", {"track_id": "id", "title": "name", "artist": "artists", "album": "album"}, {"genre"}),
        (SONGS, "spotify-api", {"title": "track_name", "genre": "playlist_genre", "track_id": "track_id"}, set()),
        (
            MOST_STREAMED,
            "spotify-api",
            {"artist": "artist(s)_name", "year": "released_year"},
            {"popularity", "genre", "loudness"},
        ),
        (EXPORTIFY, "spotify-api", {"track_id": "Track URI", "artist": "Artist Name(s)", "bpm": "Tempo"}, set()),
        (
            HOT_100,
            "spotify-api",
            {"artist": "Performer", "genre": "spotify_genre", "album": "spotify_track_album"},
            set(),
        ),
        (CHARTS, "published", {"bpm": "af_tempo", "title": "title", "track_id": "track_id"}, {"genre"}),
        (
            TOP_50_BY_R,
            "spotify-api",
            {"bpm": "Beats.Per.Minute", "artist": "Artist.Name", "duration_s": "Length."},
            set(),
        ),
    ],
    ids=["kaggle", "abbreviated", "api", "songs", "most streamed", "exportify", "hot 100", "charts", "r"],
)
def test_headers_of_published_files(header, source, expected, absent):
    assert match_headers(header.split(","), SOURCES)[0] == source
    matched = headers_of(header)
    assert matched.items() >= expected.items()
    assert (FEATURES | {"title", "artist"}) - absent <= matched.keys()
    assert not absent & matched.keys()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            MILLION_SONGS,
            {"artist": "artist.name", "genre": "artist.terms", "album": "release.name", "duration_s": "song.duration",
             "popularity": "song.hotttnesss", "track_id": "song.id", "loudness": "song.loudness", "bpm": "song.tempo",
             "title": "song.title", "year": "song.year", "key": "song.key"},
        ),
        (
            API_ITEMS,
            {"track_id": "track.id", "title": "track.name", "album": "track.album.name", "artist": "track.artists",
             "year": "track.album.release_date", "popularity": "track.popularity", "bpm": "audio_features.tempo",
             "loudness": "audio_features.loudness"},
        ),
        (
            DEEZER,
            {"track_id": "id", "title": "title", "duration_s": "duration", "bpm": "bpm", "artist": "artist.name",
             "album": "album.title", "year": "release_date"},
        ),
    ],
    ids=["million songs", "api", "deezer"],
)  # fmt: skip
def test_dotted_names_are_those_of_the_track_and_not_of_its_artist_or_album(header, expected):
    assert headers_of(header) == expected


@pytest.mark.parametrize(
    "header",
    ["label.name", "artist.id", "album.id", "top.year", "owner.uri", "album.popularity", "track.album.popularity"],
)
def test_last_part_of_a_dotted_name_may_belong_to_something_else(header):
    assert headers_of(header) == {}


@pytest.mark.parametrize("language", IN_LANGUAGES)
@pytest.mark.parametrize("change", [str, str.upper, lambda text: text.translate(WITHOUT_ACCENTS)])
def test_headers_in_other_languages(language, change):
    header = change(IN_LANGUAGES[language])
    assert headers_of(header) == dict(zip(ALL_COLUMNS.split(","), header.split(","), strict=True))


@pytest.mark.parametrize(
    ("header", "column"),
    [
        *((name, "artist") for name in ("performer", "artist(s)_name", "Artista(s)", "Interpret", "zespół", "singer")),
        *((name, "title") for name in ("name_song", "nombre de la canción", "Nom du morceau", "Brano", "Liedje")),
        *((name, "track_id") for name in ("id_songs", "spotify_track_id", "track_uri", "mbid")),
        *((name, "genre") for name in ("spotify_track_genre", "Género musical", "Musikrichtung", "genre_top")),
        *((name, "year") for name in ("album_release_year", "Fecha de lanzamiento", "Data wydania", "Date de sortie")),
        *((name, "bpm") for name in ("Beats.Per.Minute", "af_tempo", "Schläge pro Minute")),
        *((name, "loudness") for name in ("Level dB", "Lautstaerke (dB)", "LUFS", "overall_loudness")),
        *((name, "duration_s") for name in ("len", "Duration (mins)", "Duração (ms)", "Dauer in Sekunden", "Time")),
        *((name, "valence") for name in ("Happiness", "Positiveness")),
    ],
)  # fmt: skip
def test_other_names_of_a_column(header, column):
    assert headers_of(f"Unnamed: 0,{header},streams") == {column: header}


def test_headers_of_musical_details():
    assert schema.DETAILS == ("key", "mode", "time_signature", "isrc", "explicit")
    assert headers_of(API).items() >= {name: name for name in ("key", "mode", "time_signature", "explicit")}.items()
    assert headers_of(EXPORTIFY)["time_signature"] == "Time Signature"
    assert headers_of("external_ids.isrc,Explicit Lyrics") == {
        "isrc": "external_ids.isrc",
        "explicit": "Explicit Lyrics",
    }


def test_units_that_a_header_declares():
    columns = match_headers(MOST_STREAMED.split(","), SOURCES)[1]
    in_percent = {name for name, column in columns.items() if column.unit == "percent"}
    assert in_percent == FEATURES - {"bpm", "loudness"} | {"energy", "danceability", "instrumentalness"}
    assert match_headers(["Duration (ms)"], SOURCES)[1]["duration_s"].unit == "ms"
    assert match_headers(["Length (Duration)"], SOURCES)[1]["duration_s"].unit == "s"


@pytest.mark.parametrize(
    ("header", "column"),
    [
        *((name, "danceability") for name in ("danceabilty", "Dancability", "DANCEABILITY", "danceablity")),
        *((name, "acousticness") for name in ("accousticness", "Acousticnes", "acoustiness", "Acoustic")),
        *((name, "valence") for name in ("Valance", "valnce", "VALENCE ", "Audio Valence")),
        *((name, "loudness") for name in ("LOUDNESS", "Loudnes", "loundess", "Loudness(dB)", "loudness_db")),
        *((name, "liveness") for name in ("Livness", "livenes", "Liveliness")),
        *((name, "speechiness") for name in ("Speechines", "speechness", "Speachiness")),
        *((name, "instrumentalness") for name in ("Instrumentallness", "instumentalness", "Instrumental")),
        *((name, "energy") for name in ("Engery", "enery", "ENERGY")),
        *((name, "bpm") for name in ("Tempo", "BPM", "beats.per.minute", "Tempo (BPM)", "tempo_bpm")),
        *((name, "duration_s") for name in ("Duration (ms)", "durationMs", "Duraton_ms", "duration_sec", "Length")),
        *((name, "artist") for name in ("artist(s)_name", "Artist(s)", "Artsit", "ARTISTS")),
        *((name, "title") for name in ("Track Name", "trackName", "Titel", "Song")),
        *((name, "year") for name in ("Release Date", "releaseYear", "Year_Released")),
        *((name, "genre") for name in ("Genre(s)", "track-genre", "Top_Genre", "genere", "music_genre")),
        *((name, "popularity") for name in ("Popularty", "Track Popularity")),
    ],
)
def test_misspelt_header_is_matched(header, column):
    columns = match_headers(["Unnamed: 0", header, "streams"], SOURCES)[1]
    assert {name: (match.index, match.header) for name, match in columns.items()} == {column: (1, header)}


@pytest.mark.parametrize(
    "header",
    ["artist_id", "artist_ids", "Artist_URI", "album_id", "playlist_id", "track_href", "preview_url", "foreign_key",
     "streams", "target", "track_number", "disc_number", "artist_count",
     "artist_popularity", "album_type", "popularity_rank", "album_popularity",
     "gender", "Sprache", "paroles", "lyrics", "number"],
)  # fmt: skip
def test_header_with_another_meaning_is_not_matched(header):
    assert match_headers([header], SOURCES)[1] == {}


def test_exact_header_is_preferred_to_an_earlier_misspelt_one():
    assert headers_of("Valance,Valence,Tempoo,Tempo") == {"valence": "Valence", "bpm": "Tempo"}


def test_closer_spelling_is_preferred_to_an_earlier_one():
    assert headers_of("track_number,track_nmae")["title"] == "track_nmae"


def test_first_of_equal_headers_is_matched():
    layout = match_columns(["energy", "Energy"], [["0.5", "0.6"]], SOURCES)
    assert layout.columns["energy"].index == 0
    assert layout.ignored == ("Energy",)


def test_undefined_headers_are_listed_as_ignored():
    layout = match_columns(["", "title", "streams", "artist_id", " "], [["0", "a", "5", "x", ""]], SOURCES)
    assert set(layout.columns) == {"title"}
    assert layout.ignored == ("streams", "artist_id")


def test_misspelt_column_is_a_decision():
    layout = match_columns(["accousticness", "valence"], [["0.5", "0.5"]], SOURCES)
    assert "column 'accousticness' read as acousticness" in layout.decisions
    assert not any("'valence'" in decision for decision in layout.decisions)


@pytest.mark.parametrize(
    ("header", "ids", "is_id"),
    [
        ("id", ["6f807x0ima9a1j3VPbc7VN", "0r7CVbZTWZgbTCYdfa2P31"], True),
        ("id", ["17", "6f807x0ima9a1j3VPbc7VN"], True),
        ("id", ["0", "1", "2"], False),
        ("ID", [" 7", None, "9"], False),
        ("Index", ["1", "2"], False),
        ("", ["1", "2"], False),
        ("track_id", ["6f807x0ima9a1j3VPbc7VN"], True),
        ("uri", ["spotify:track:6f807x0ima9a1j3VPbc7VN"], True),
    ],
)
def test_row_numbers_are_not_read_as_track_ids(header, ids, is_id):
    layout = match_columns([header, "title"], [[text, "a"] for text in ids], SOURCES)
    assert ("track_id" in layout.columns) == is_id
    if header.lower() == "id" and not is_id:
        assert any("row numbers" in decision for decision in layout.decisions)


@pytest.mark.parametrize("id_header", ["track_id", "uri", "Track URI"])
def test_track_id_is_matched_beside_row_numbers(id_header):
    layout = match_columns(["id", id_header, "title"], [["1", "6f807x", "a"], ["2", "0r7CVb", "b"]], SOURCES)
    assert layout.columns["track_id"].header == id_header


def test_column_id_of_a_file_without_rows_is_read_as_track_ids():
    assert "track_id" in match_columns(["id", "energy"], [], SOURCES).columns


def test_undeclared_units_are_decisions():
    layout = match_columns(["Energy", "duration_ms", "Length"], [["71", "201000", "5"]], SOURCES)
    assert layout.columns["energy"].unit == "percent"
    assert layout.columns["duration_s"].unit == "ms"
    assert any(decision.startswith("energy read as 0 to 100") for decision in layout.decisions)


def test_no_source_or_no_header_matches_nothing():
    assert match_headers(["title"], []) == ("", {})
    assert match_headers([], [Source("x", {})]) == ("x", {})
