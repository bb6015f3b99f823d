"""Read files that list tracks, the seeds of a playlist: playlists as people export them, and typed lists.

* CSV with a header: exports of TuneMyMusic, Exportify (also without features) and others. The header is the first of
  the opening lines that names a column of ids or of titles.
* JSON and JSON lines: Spotify's library and playlists (``YourLibrary.json``, ``Playlist1.json``), its streaming
  history, responses of its API. Every object with a title and an artist, or with the URI of a track, is a track.
* Other text has one track per line, see ``seeds.parse_line``. Empty lines and lines that begin with # are skipped; of
  an M3U playlist the lines ``#EXTINF`` are read.

Text is UTF-8, UTF-16 or else Windows-1252. A gzip file, or a zip archive of one file, is read like that file.
"""

import codecs
import csv
import gzip
import io
import json
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from segue.core.text import printable
from segue.errors import InputError
from segue.ingest.columns.sources import Source, normalise_header
from segue.similarity.seeds import Seed, is_track_uri, parse_line, parse_row

MAX_BYTES = 50_000_000
"""Maximum size of a file of seeds, also of a packed one when it is unpacked."""
_BINARY = {
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"%PDF": "a PDF",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
}
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What ``zipfile`` and ``gzip`` raise for damaged, encrypted and exotic archives."""
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_START = 1000
_DELIMITERS = ",;\t|"
_MAX_HEADER_LINES = 10
_EXTINF = re.compile(r"#EXTINF:[^,]*,(.*)")
_HEADERS = {
    "track_id": ("spotifyid", "spotifytrackid", "trackid", "trackuri", "spotifyuri", "spotifytrackuri", "uri", "id"),
    "title": ("trackname", "tracktitle", "track", "songname", "songtitle", "song", "title", "name"),
    "artist": ("artistname", "artistnames", "artists", "artist", "trackartist", "albumartist"),
    "isrc": ("isrc", "isrccode"),
}
"""By column, its normalised headers in exported playlists, the first before the others."""
_FIELDS = {
    "track_id": ("trackuri", "spotifytrackuri", "uri", "trackid", "id", "url"),
    "title": ("trackname", "track", "mastermetadatatrackname", "name", "title", "song"),
    "artist": ("artistname", "artist", "artists", "mastermetadataalbumartistname"),
    "isrc": ("isrc",),
}
"""By column, the normalised names of its members in JSON objects."""
_OTHER_KINDS = ("album", "artist", "playlist", "show", "episode")


def read_seeds(content: bytes, name: str = "", sources: Sequence[Source] = ()) -> list[Seed]:
    """Parse the content of a user's file into a list of Seed, one per listed track, in the order of the file.

    Parameters
    ----------
    content : bytes
    name : str
        Name of the file, for messages.
    sources : sequence of Source
        Their headers are recognised, besides those of exported playlists.

    Raises
    ------
    InputError
        If the content is no text and no archive of one text file, or has more than ``MAX_BYTES``.

    >>> [seed.names for seed in read_seeds(b"# mine\\nHelp!\\n")]
    [(('help', None),)]
    """
    text = _decode(_unpack(content, name), name)
    values = _parse_json(text) if text.lstrip()[:1] in ("{", "[") else None
    if values is not None:
        return list(_json_seeds(values))
    try:
        return _text_seeds(text, sources)
    except csv.Error as error:
        raise InputError(f"--seeds {name} is no CSV: {error}; expected a list of tracks") from error


def _unpack(content: bytes, name: str) -> bytes:
    """Return the content of a file, unpacked if it is a zip archive or a gzip file."""
    try:
        if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            content = _unzip(content, name)
        elif content.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(content)) as stream:
                content = stream.read(MAX_BYTES + 1)
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"--seeds {name} is damaged or encrypted ({printable(str(error))}); unpack it") from error
    if len(content) > MAX_BYTES:
        raise InputError(f"--seeds {name} has more than {MAX_BYTES // 1_000_000} MB, expected a list of tracks")
    return content


def _unzip(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        if "[Content_Types].xml" in names or "mimetype" in names:
            raise InputError(f"--seeds {name} is a workbook or document, expected text; save it as CSV")
        files = [each for each in names if not each.startswith("__MACOSX/") and PurePosixPath(each).name[:1] != "."]
        if len(files) != 1:
            listed = ", ".join(files[:5]) + (", …" if len(files) > 5 else "")
            raise InputError(f"--seeds {name} holds {len(files)} files, expected one; unpack it ({printable(listed)})")
        with archive.open(files[0]) as stream:
            return stream.read(MAX_BYTES + 1)


def _decode(content: bytes, name: str) -> str:
    kinds = [kind for signature, kind in _BINARY.items() if content.startswith(signature)]
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return content.removeprefix(bom).decode(encoding, "replace")
    start = content[:_START]
    if not kinds and b"\0" in start:
        # in UTF-16, every other byte of most letters is 0
        for encoding, high_bytes in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
            if 2 * high_bytes.count(0) > len(high_bytes):
                return content.decode(encoding, "replace")
        kinds = ["a binary file"]
    if kinds:
        raise InputError(f"--seeds {name} is {kinds[0]}, expected a list of tracks; save it as CSV or text")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _parse_json(text: str) -> list[Any] | None:
    """Return a list of the JSON value, or of those in JSON lines; None if the text is neither."""
    for parts in ([text], text.splitlines()):
        try:
            return [json.loads(part) for part in parts if part.strip()]
        except (ValueError, RecursionError):
            continue
    return None


def _json_seeds(values: Sequence[Any]) -> Iterator[Seed]:
    """Yield a Seed for each track in JSON values, in order and however deep."""
    pending = list(reversed(values))
    while pending:
        value = pending.pop()
        if isinstance(value, str) and is_track_uri(value):
            yield parse_line(value)
        elif isinstance(value, list):
            pending.extend(reversed(value))
        elif isinstance(value, Mapping):
            seed = _object_seed(value)
            if seed is not None:
                yield seed
            else:
                pending.extend(reversed(list(value.values())))


def _object_seed(value: Mapping[str, Any]) -> Seed | None:
    """Return the Seed of a JSON object if it is a track, else None."""
    fields = {normalise_header(name): each for name, each in value.items()}
    fields |= fields["externalids"] if isinstance(fields.get("externalids"), Mapping) else {}
    texts = {
        column: next((text for name in names if (text := _names(fields.get(name), is_list=column == "artist"))), "")
        for column, names in _FIELDS.items()
    }
    uri, is_track = texts["track_id"], is_track_uri(texts["track_id"])
    is_other = fields.get("type") in _OTHER_KINDS or (":" in uri and not is_track)
    has_names = bool(texts["title"] and texts["artist"])
    return parse_row(*texts.values()) if is_track or (has_names and not is_other) else None


def _names(value: Any, *, is_list: bool) -> str:
    """Return a JSON text without surrounding blanks, or the names in a list of texts or objects, joined by "; "."""
    if is_list and isinstance(value, list):
        return "; ".join(filter(None, (_names(each, is_list=True) for each in value)))
    if is_list and isinstance(value, Mapping):
        value = value.get("name")
    return value.strip() if isinstance(value, str) else ""


def _text_seeds(text: str, sources: Sequence[Source]) -> list[Seed]:
    lines = [line for line in text.splitlines() if line.strip()]
    described = [match[1].strip() for line in lines if (match := _EXTINF.match(line))]
    if described:
        return [parse_line(line) for line in described]
    for index, line in enumerate(lines[:_MAX_HEADER_LINES]):
        delimiter = max(_DELIMITERS, key=line.count)
        columns = _match_columns(next(csv.reader([line], delimiter=delimiter)), sources, is_first=index == 0)
        if columns is not None:
            rows = csv.reader(io.StringIO("\n".join(lines[index + 1 :])), delimiter=delimiter)
            cells = [[row[c].strip() if c is not None and c < len(row) else "" for c in columns] for row in rows]
            return [parse_row(*row) for row in cells if any(row)]
    return [parse_line(line.strip()) for line in lines if not line.lstrip().startswith("#")]


def _match_columns(header: Sequence[str], sources: Sequence[Source], *, is_first: bool) -> list[int | None] | None:
    """Return the positions of id, title, artist and ISRC (None if absent) in a header, or None if it is no header.

    The first line is a header if it names an id or a title among several fields, or an id alone; a later line if it
    names two of the columns.
    """
    names = [normalise_header(name) for name in header]
    columns: list[int | None] = []
    for column, known in _HEADERS.items():
        defined = [name for source in sources for name, (target, _) in source.headers.items() if target == column]
        indices = (names.index(name) for name in (*known, *defined) if name in names)
        columns.append(next((index for index in indices if index not in columns), None))
    n_named = len(columns) - columns.count(None)
    if len(header) == 1:
        return columns if is_first and names[0] in _HEADERS["track_id"] and names[0] != "id" else None
    return columns if columns[:2] != [None, None] and n_named > (0 if is_first else 1) else None
