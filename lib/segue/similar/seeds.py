"""A list of tracks that somebody likes, as a file has it; no Spark here.

Plain text has one track a line: a track id, a title, or "title - artist" (either way round); empty lines and lines
that begin with # say nothing. A CSV file, as playlist exports are, has a header that names a column of ids or of
titles, and perhaps one of artists. An id counts where the catalogue has it, and else the title. Titles are compared as
releases of recordings are; of several tracks the most popular is meant, then the one with the smallest id.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from segue.similar.recordings import artist_key, folded, title_key, words_of

_IDS = {"track id", "id", "uri", "track uri", "spotify uri", "spotify id", "spotify track id"}
_TITLES = {"title", "name", "track", "track name", "song", "song name", "song title"}
_ARTISTS = {"artist", "artists", "artist name", "artist names", "artist name s", "track artist"}
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Seed:
    """One track of the list: what its line says, and what may be meant by it."""

    text: str
    id: str
    names: tuple[tuple[str, str | None], ...]
    """Keys of title and artist, the likeliest first; None where any artist will do."""


@dataclass(frozen=True, slots=True)
class Known:
    """A track of the catalogue that a seed may mean."""

    track_id: str
    title: str
    artist: str
    popularity: float | None


def read_seeds(text: str) -> list[Seed]:
    """Return the tracks that a file names, in its order."""
    lines = [line for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
    delimiter = max(_DELIMITERS, key=lines[0].count) if lines else ","
    header = [words_of(folded(name)) for name in next(csv.reader(lines[:1], delimiter=delimiter), [])]
    columns = [_first(header, names) for names in (_IDS, _TITLES, _ARTISTS)]
    if len(header) > 1 and (columns[0], columns[1]) != (None, None):
        rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
        next(rows)
        return [_of_row(*(row[c].strip() if c is not None and c < len(row) else "" for c in columns)) for row in rows]
    if len(header) == 1 and header[0] in ("track id", "track uri", "uri"):
        lines = lines[1:]
    return [_of_line(line.strip()) for line in lines if not line.lstrip().startswith("#")]


def resolve(seeds: Sequence[Seed], known: Iterable[Known]) -> tuple[list[str], list[str]]:
    """Return the ids of the tracks that are meant, each once, and the lines that mean none.

    Parameters
    ----------
    seeds : what a file names
    known : every track whose id or whose title's key is one of the seeds'
    """
    by_popularity = sorted(known, key=lambda track: (-(track.popularity or 0.0), track.track_id))
    ids = {track.track_id for track in by_popularity}
    by_title: dict[str, list[Known]] = {}
    for track in by_popularity:
        by_title.setdefault(title_key(track.title), []).append(track)
    found: dict[str, None] = {}
    strangers = []
    for seed in seeds:
        meant = seed.id if seed.id in ids else _by_name(seed, by_title)
        if meant is None:
            strangers.append(seed.text)
        else:
            found[meant] = None
    return list(found), strangers


def _by_name(seed: Seed, by_title: Mapping[str, Sequence[Known]]) -> str | None:
    for title, artist in seed.names:
        for track in by_title.get(title, ()):
            if artist is None or artist in [artist_key(one) for one in track.artist.split(";")]:
                return track.track_id
    return None


def _of_line(line: str) -> Seed:
    names: list[tuple[str, str | None]] = [(title_key(line), None)]
    parts = line.split(" - ")
    for at in range(1, len(parts)):
        head, tail = " - ".join(parts[:at]), " - ".join(parts[at:])
        names += [(title_key(head), artist_key(tail)), (title_key(tail), artist_key(head))]
    return Seed(line, _bare_id(line), tuple(names))


def _of_row(identity: str, title: str, artist: str) -> Seed:
    text = " - ".join(part for part in (title, artist) if part) or identity
    # exports join artists by commas, which also stand in names: the whole, then the first
    artists = dict.fromkeys([artist_key(artist), artist_key(artist.split(",")[0])]) if artist else {None: None}
    return Seed(text, _bare_id(identity), tuple((title_key(title), who) for who in artists) if title else ())


def _bare_id(text: str) -> str:
    """Return the id in an id, a URI or a link."""
    if "open.spotify.com/track/" in text:
        text = text.split("/track/", 1)[1].split("?", 1)[0]
    return text.removeprefix("spotify:track:").strip()


def _first(header: Sequence[str], names: set[str]) -> int | None:
    return next((index for index, name in enumerate(header) if name in names), None)
