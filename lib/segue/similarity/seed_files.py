"""Read files that list tracks, the seeds of a playlist: exported playlists, and lists typed by hand.

* CSV with a header: exports of TuneMyMusic, Exportify (also without features) and others. The header is one of the
  first ten lines; it names a column of ids or of titles.
* JSON and JSON lines: Spotify's library and playlists (``YourLibrary.json``, ``Playlist1.json``), its streaming
  history, responses of its API. A track is an object with a title and an artist, or with the URI of a track, or a
  string that holds such a URI.
* Other text has one track per line, see ``seeds.parse_line``. Empty lines and lines that begin with # are skipped; of
  an M3U playlist, only the lines ``#EXTINF`` are read.

A file can hold several playlists: rows of a table with a column such as ``playlist_id``, or JSON objects with a name
and tracks or items.

A ``Source`` is a format definition: a TOML file in ``conf/sources`` with the headers of a published format. A header is
recognised if a format definition has it. Archives, compressed files, workbooks and encodings are read as those of a
catalogue are (``ingest.formats``).
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from segue.core.text import printable
from segue.errors import InputError
from segue.ingest.columns.header_candidates import choose_columns, find_candidates, known_headers, rank_sources
from segue.ingest.columns.sources import Source, fold_accents, normalise_header
from segue.ingest.formats.encoding_detection import decode_text
from segue.ingest.formats.file_content import unpack_text
from segue.similarity.seeds import Seed, is_track_uri, parse_line, parse_row

MAX_BYTES = 50_000_000
"""Maximum size of a list of tracks, in bytes: of a local file, and of any file's text after decompression.

The text of a workbook is not limited.
"""
_DELIMITERS = ",;\t|"
_MAX_HEADER_LINES = 10
_MAX_SAMPLE = 256
_EXTINF = re.compile(r"#EXTINF:[^,]*,(.*)")
_COLUMNS = ("track_id", "title", "artist", "isrc")
_PLAYLISTS = Source(
    "playlists",
    {
        "url": ("track_id", None),
        "mastermetadatatrackname": ("title", None),
        "mastermetadataalbumartistname": ("artist", None),
        "albumartist": ("artist", None),
    },
    built_in=True,
    exact=True,
)
"""Headers and JSON members of exported playlists, and the columns that they name. They are not in ``conf/sources``,
because in a catalogue "url" is not the id of a track."""
_OTHER_KINDS = ("album", "artist", "playlist", "show", "episode")
_PLAYLIST_HEADERS = (
    "playlistid", "playlisturi", "playlisturl", "pid", "playlist", "playlistname", "playlisttitle"
)  # fmt: skip
"""Normalised headers of the column with the playlist of a row, most preferred first."""


def read_seeds(content: bytes, name: str = "", sources: Sequence[Source] = ()) -> list[Seed]:
    """Parse the content of a user's file into a list of Seed, one per listed track, in the order of the file.

    Parameters
    ----------
    content : bytes
        The whole file, possibly compressed or an archive.
    name : str
        Name of the file, for messages; its ending can show how ``content`` is compressed.
    sources : sequence of Source
        Format definitions of ``conf/sources``. Their headers are recognised, such as "title" and "artist". Without
        ``sources``, only a few headers of exported playlists are recognised, such as "url".

    Raises
    ------
    InputError
        If the content is damaged; is not text, a workbook, or an archive with exactly one data file; has more than
        ``MAX_BYTES`` of text; or is a malformed CSV.

    >>> [seed.names for seed in read_seeds(b"# mine\\nHelp!\\n")]
    [(('help', None),)]
    """
    return [seed for _, seed in _read(content, f"--seeds {name}", sources)]


def read_playlists(content: bytes, name: str = "", sources: Sequence[Source] = ()) -> dict[str, list[Seed]]:
    """Parse the content of a file of playlists into a dict from playlist to list of Seed, in the order of the file.

    The dictionary key is "" for tracks outside a playlist. In a table, it is the cell of the playlist column; in JSON,
    a numbered name such as "2 Summer". Parameters and errors are those of ``read_seeds``.

    >>> list(read_playlists(b"playlist,url\\nmine,spotify:track:1\\nyours,spotify:track:2\\n"))
    ['mine', 'yours']
    """
    playlists: dict[str, list[Seed]] = {}
    for playlist, seed in _read(content, f"--playlists {name}", sources):
        playlists.setdefault(playlist, []).append(seed)
    return playlists


def _read(content: bytes, name: str, sources: Sequence[Source]) -> list[tuple[str, Seed]]:
    """Return a pair (playlist, Seed) for each track in a file.

    The playlist is "" outside a playlist. In a table, it is the cell of the playlist column; in JSON, a numbered name
    such as "2 Summer". ``name`` is an option and the file's name, such as "--seeds songs.txt": error messages begin
    with it, and the file's ending can show a compression.
    """
    sources = [*sources, _PLAYLISTS]
    try:
        text = decode_text(unpack_text(name, content, known_headers(sources), MAX_BYTES))
    except InputError as error:
        # replaces the expectation in the message, which is that of a catalogue
        fault = printable(str(error)).partition(", expected")[0]
        raise InputError(f"{name} {fault}, expected a list of tracks as text, CSV or JSON") from error
    values = _parse_json(text) if text.lstrip()[:1] in ("{", "[") else None
    if values is not None:
        return list(_json_seeds(values, _members(sources)))
    try:
        return _text_seeds(text, sources)
    except csv.Error as error:
        raise InputError(f"{name} is no CSV: {error}; expected a list of tracks") from error


def _members(sources: Sequence[Source]) -> dict[str, str]:
    """Return the meaning of each normalised header or JSON member: {"trackname": "title", …}.

    ``sources`` are the format definitions whose headers are recognised.
    """
    names = (item for source in reversed(sources) for item in source.by_name.items())
    return {name: column for name, (column, _) in names if column in _COLUMNS}


def _parse_json(text: str) -> list[Any] | None:
    """Parse a text as JSON or as JSON lines. Return a list of the values; None if the text is neither."""
    for parts in ([text], text.splitlines()):
        try:
            return [json.loads(part) for part in parts if part.strip()]
        except (ValueError, RecursionError):
            continue
    return None


def _json_seeds(values: Sequence[Any], members: Mapping[str, str]) -> Iterator[tuple[str, Seed]]:
    """Yield a pair (playlist, Seed) for each track in JSON values, in order, at any depth.

    ``playlist`` is a unique name, such as "2 Summer" for the second playlist; "" for tracks outside a playlist.
    ``members`` is the result of ``_members``.
    """
    pending = [("", value) for value in reversed(values)]
    n_playlists = 0
    while pending:
        playlist, value = pending.pop()
        if isinstance(value, str) and is_track_uri(value):
            yield playlist, parse_line(value)
        elif isinstance(value, list):
            pending.extend((playlist, each) for each in reversed(value))
        elif isinstance(value, Mapping):
            seed = _object_seed(value, members)
            if seed is not None:
                yield playlist, seed
            else:
                if isinstance(value.get("name"), str) and {"tracks", "items"} & value.keys():
                    # names of playlists need not differ
                    n_playlists += 1
                    playlist = f"{n_playlists} {value['name']}"
                pending.extend((playlist, each) for each in reversed(list(value.values())))


def _object_seed(value: Mapping[str, Any], members: Mapping[str, str]) -> Seed | None:
    """Return the Seed of a JSON object with a track URI, or with title and artist; None for any other object.

    An object of another kind, such as an album, is no track. ``members`` is the result of ``_members``.
    """
    fields = {fold_accents(normalise_header(name)): each for name, each in value.items()}
    fields |= fields["externalids"] if isinstance(fields.get("externalids"), Mapping) else {}
    texts: dict[str, list[str]] = {column: [] for column in _COLUMNS}
    for name, each in fields.items():
        column = members.get(name)
        if column and (text := _names(each, is_list=column == "artist")):
            texts[column].append(text)
    uri = next(filter(is_track_uri, texts["track_id"]), next(iter(texts["track_id"]), ""))
    is_track = is_track_uri(uri)
    title, artist, isrc = (next(iter(texts[column]), "") for column in _COLUMNS[1:])
    is_other = fields.get("type") in _OTHER_KINDS or (":" in uri and not is_track)
    return parse_row(uri, title, artist, isrc) if is_track or (title and artist and not is_other) else None


def _names(value: Any, *, is_list: bool) -> str:
    """Return a JSON string without surrounding blanks; "" for any other JSON value.

    If ``is_list`` is true, lists and objects with a name are read too: [{"name": "A"}, "B"] gives "A; B".
    """
    if is_list and isinstance(value, list):
        return "; ".join(filter(None, (_names(each, is_list=True) for each in value)))
    if is_list and isinstance(value, Mapping):
        value = value.get("name")
    return value.strip() if isinstance(value, str) else ""


def _text_seeds(text: str, sources: Sequence[Source]) -> list[tuple[str, Seed]]:
    lines = [line for line in text.splitlines() if line.strip()]
    described = [match[1].strip() for line in lines if (match := _EXTINF.match(line))]
    if described:
        return [("", parse_line(line)) for line in described]
    for index, line in enumerate(lines[:_MAX_HEADER_LINES]):
        delimiter = max(_DELIMITERS, key=line.count)
        header = next(csv.reader([line], delimiter=delimiter))
        if _is_header(header, sources, is_first=index == 0):
            rows = list(csv.reader(io.StringIO("\n".join(lines[index + 1 :])), delimiter=delimiter))
            columns = _match_columns(header, sources, rows[:_MAX_SAMPLE])
            playlist, *cells = (
                [row[c].strip() if c is not None and c < len(row) else "" for row in rows]
                for c in (_playlist_column(header), *columns)
            )
            return [(each, parse_row(*row)) for each, *row in zip(playlist, *cells, strict=True) if any(row)]
    return [("", parse_line(line.strip())) for line in lines if not line.lstrip().startswith("#")]


def _playlist_column(header: Sequence[str]) -> int | None:
    """Return the position of the column with the id or name of the playlist; None if there is none."""
    names = [normalise_header(name) for name in header]
    return next((names.index(name) for name in _PLAYLIST_HEADERS if name in names), None)


def _is_header(header: Sequence[str], sources: Sequence[Source], *, is_first: bool) -> bool:
    """Return whether the fields of a line are a header with columns of a seed: id, title, artist or ISRC.

    The first line is a header if a field names the id or the title; a later line only if a second field names the id,
    title, artist or ISRC too. A line of a single field is a header only if it is the first line and names the id, such
    as "track_id". A single "title" or "id" is no header: it can be the title of a track.
    """
    columns = _match_columns(header, sources, ())
    if len(header) == 1:
        return is_first and columns[0] is not None and normalise_header(header[0]) != "id"
    n_named = len(columns) - columns.count(None)
    return columns[:2] != [None, None] and n_named > (0 if is_first else 1)


def _match_columns(
    header: Sequence[str], sources: Sequence[Source], sample: Sequence[Sequence[str]]
) -> list[int | None]:
    """Return the positions of id, title, artist and ISRC in a header, None for an absent one: [0, 1, None, None].

    Columns are matched by name. If several names match, the column is chosen by its values in ``sample``, rows below
    the header. Misspelt names are ignored.
    """
    candidates = find_candidates(header, rank_sources(header, sources), sample)
    chosen = choose_columns([c for c in candidates if c.column in _COLUMNS and not c.is_misspelt])
    return [chosen[column].index if column in chosen else None for column in _COLUMNS]
