"""What the look-ups answer, as plain values for a notebook; no Spark here."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from segue import schema
from segue.errors import InputError
from segue.lookup.reading import Tables
from segue.lookup.title_search import Titles, best_match
from segue.similarity.reasons import describe_reasons

_SHOWN = ("title", "artist", "album", "genre", "year", "popularity", "bpm")
_CLUSTER = ("cluster", "cluster_name", "cluster_description")
_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A track and what is similar to it; or, where several tracks may be meant, those alone."""

    searched: str
    track: dict[str, Any] | None = None
    similar: list[dict[str, Any]] = field(default_factory=list)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What a reader should know of the answer, such as that the lists are older than the labels."""

    def as_dict(self) -> dict[str, Any]:
        """Return all of it in types that JSON has."""
        return asdict(self)


def similar(root: str, title: str, *, pick: int | None = None) -> Answer:
    """Find a track by its title and return what is similar to it.

    Parameters
    ----------
    root : the ``--output`` of a run
    title : a title, "title - artist", or a track id; case, accents, punctuation and a few typos do not count
    pick : which of the candidates of this title, from 1, where there are several

    Raises
    ------
    InputError
        If nothing comes near the title, or there is no such candidate.
    OutputError
        If a table is not there.
    """
    tables = Tables(root)
    names = tables.read(schema.LABELED_TRACKS, ["track_id", "title", "artist", "popularity"], "track_id")
    ids, titles, artists, popularity = (column.to_pylist() for column in names.columns)
    hits = Titles(ids, titles, artists, popularity).search(title)
    if not hits:
        raise InputError(f"no title in {root} comes near {title!r}; try fewer words, or another spelling")
    if pick is not None and not 1 <= pick <= len(hits):
        raise InputError(f"there is no candidate {pick} for {title!r}, only {len(hits)}")
    chosen = hits[pick - 1] if pick is not None else best_match(hits)
    if chosen is None:
        known = [ids[hit.index] for hit in hits[:_CANDIDATES]]
        rows = tables.rows(schema.LABELED_TRACKS, known, [*_SHOWN, *_CLUSTER])
        more = [f"{len(hits) - _CANDIDATES} more are not shown"] if len(hits) > _CANDIDATES else []
        return Answer(title, candidates=[rows[name] for name in known], notes=more)
    return _similar_to(tables, title, ids[chosen.index])


def clusters(root: str) -> list[dict[str, Any]]:
    """Return the rows of ``cluster_profiles`` of the model that labeled the tracks, by cluster."""
    tables = Tables(root)
    labeled = tables.read(schema.LABELED_TRACKS, ["model_version"]).column("model_version")
    rows = tables.read(schema.CLUSTER_PROFILES, schema.CLUSTER_PROFILES.names).to_pylist()
    version = labeled[0].as_py() if len(labeled) else None
    return sorted((row for row in rows if row["model_version"] == version), key=lambda row: row["cluster"])


def runs(root: str, last: int | None = None) -> list[dict[str, Any]]:
    """Return the rows of ``runs``, the newest last, their JSON read."""
    rows = Tables(root).read(schema.RUNS, schema.RUNS.names).to_pylist()
    rows = sorted(rows, key=lambda row: (row["started_at"], row["run_id"]))
    for row in rows:
        row |= {name: _told(row[name]) for name in ("settings", "versions", "input", "counts")}
    return rows if last is None else rows[max(0, len(rows) - last) :]


def _told(text: str | None) -> Any:
    """Return what a text of JSON says; nothing where it is broken, as an earlier segue left some that held secrets."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}


def _similar_to(tables: Tables, searched: str, track_id: str) -> Answer:
    """Return a track with its list, every neighbour with its whys in words."""
    lists = tables.rows(schema.SIMILAR_TRACKS, [track_id], ["tracks_version", "similar"])
    now = tables.version(schema.LABELED_TRACKS)
    notes = []
    if track_id not in lists:
        notes.append("this track is newer than similar_tracks; recommend_tracks.py brings the lists up to date")
    elif lists[track_id]["tracks_version"] != now:
        notes.append(
            f"the lists were made from version {lists[track_id]['tracks_version']} of labeled_tracks, which is at "
            f"{now}; recommend_tracks.py brings them up to date"
        )
    near = lists[track_id]["similar"] if track_id in lists else []
    named = list(dict.fromkeys(name for one in near for name in one["why"]))
    columns = dict.fromkeys([*_SHOWN, *_CLUSTER, *named])
    rows = tables.rows(schema.LABELED_TRACKS, [track_id, *(one["track_id"] for one in near)], list(columns))
    thirds = _thirds(tables, named)
    track = rows[track_id]
    told = [
        {
            **{name: rows[one["track_id"]][name] for name in ("track_id", *_SHOWN, *_CLUSTER)},
            "distance": one["distance"],
            "same_cluster": one["same_cluster"],
            "why": one["why"],
            "because": describe_reasons(one["why"], track, rows[one["track_id"]], thirds),
        }
        for one in near
        if one["track_id"] in rows  # a track may have gone since the lists were made
    ]
    return Answer(searched, {name: track[name] for name in ("track_id", *_SHOWN, *_CLUSTER)}, told, [], notes)


def _thirds(tables: Tables, names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return what a third of all tracks lie below and above, for some features."""
    found = {}
    for name in names:
        values = [x for x in tables.read(schema.LABELED_TRACKS, [name]).column(name).to_pylist() if x is not None]
        low, high = np.quantile(values, [1 / 3, 2 / 3]) if values else (0.0, 0.0)
        found[name] = (float(low), float(high))
    return found
