"""Look up similar tracks, clusters, runs and figures in the tables and the report of an output folder."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from segue import schema
from segue.errors import InputError, OutputError
from segue.lookup.reading import Tables, read_text
from segue.lookup.title_search import TitleIndex, best_match
from segue.report import JSON_FILE
from segue.similarity.keys import key_code, key_name
from segue.similarity.reasons import KEY, describe_reasons

if TYPE_CHECKING:
    import plotly.graph_objects as go

_TRACK_COLUMNS = ("title", "artist", "album", "genre", "year", "popularity", "bpm")
_CLUSTER_COLUMNS = ("cluster", "cluster_name", "cluster_description")
_COLUMNS = ("track_id", *_TRACK_COLUMNS, *_CLUSTER_COLUMNS)
_KEY_COLUMNS = ("key", "mode")
_MAX_CANDIDATES = 20
FORMATS = ("png", "svg", "pdf")
"""File formats of ``figure_image``."""
WIDTH, SCALE = 900, 2
"""Width of a picture before scaling, and scale factor: a PNG file is ``WIDTH`` * ``SCALE`` = 1,800 pixels wide."""
_FOREGROUND, _BACKGROUND = "#333333", "#ffffff"


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of ``similar``: a track with its similar tracks, or candidates for an ambiguous title.

    A title is ambiguous if several tracks match it about equally well, or if the best match is poor (exact rules:
    ``title_search.best_match``). A track is a dict from column name to value: ``{"track_id": …, "title": …, …}``.
    """

    searched: str
    """The typed title."""
    track: dict[str, Any] | None = None
    """The track with this title; None if the title is ambiguous.

    The dict also has ``key_name``: the musical key, such as "A minor (8A)", or "" if unknown.
    """
    similar: list[dict[str, Any]] = field(default_factory=list)
    """The similar tracks, nearest first; empty if ``track`` is None.

    Each dict also has ``key_name`` (see ``track``), ``distance`` (Euclidean, of the scaled features),
    ``same_cluster`` (bool), ``why`` (names of shared features, such as ``["bpm", "key"]``) and ``because`` (the shared
    features in words).
    """
    candidates: list[dict[str, Any]] = field(default_factory=list)
    """The tracks that match an ambiguous title, best match first, at most 20; empty if ``track`` is given."""
    notes: list[str] = field(default_factory=list)
    """Remarks for the user, such as "3 more are not shown".

    If the list of similar tracks is missing or outdated, a remark names the job to run.
    """

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a dict from name to value; all values can be written as JSON."""
        return asdict(self)


def similar(root: str, title: str, *, pick: int | None = None) -> Answer:
    """Find a track by its title, and return its similar tracks, or candidates if the title is ambiguous.

    Parameters
    ----------
    root : path or URI of the output folder of a run
    title : a title, "title - artist", or a track id; case, accents, punctuation and a few typos are ignored
    pick : number of the candidate to select, from 1; if None, the best match is selected if it is unambiguous

    Raises
    ------
    InputError
        If no track matches, or ``pick`` is below 1 or above the number of matches, which may exceed 20.
    OutputError
        If a table is missing or cannot be read.
    """
    tables = Tables(root)
    names = tables.read(schema.LABELED_TRACKS, ["track_id", "title", "artist", "popularity"], "track_id")
    ids, titles, artists, popularity = (column.to_pylist() for column in names.columns)
    matches = TitleIndex(ids, titles, artists, popularity).search(title)
    if not matches:
        raise InputError(f"no title in {root} matches {title!r}; type fewer words, or another spelling")
    if pick is not None and not 1 <= pick <= len(matches):
        raise InputError(f"--pick {pick}: expected 1 to {len(matches)}, the candidates for {title!r}")
    match = matches[pick - 1] if pick is not None else best_match(matches)
    if match is None:
        listed = [ids[candidate.index] for candidate in matches[:_MAX_CANDIDATES]]
        rows = tables.rows(schema.LABELED_TRACKS, listed, [*_TRACK_COLUMNS, *_CLUSTER_COLUMNS])
        n_more = len(matches) - len(listed)
        notes = [f"{n_more} more are not shown"] if n_more else []
        return Answer(title, candidates=[rows[track_id] for track_id in listed], notes=notes)
    return _similar_to(tables, title, ids[match.index])


def clusters(root: str) -> list[dict[str, Any]]:
    """Return the profiles of the clusters, one dict per cluster, in the order of their numbers.

    A profile is a row of the table ``cluster_profiles`` as a dict from column to value. Only profiles of the model that
    labeled the tracks are returned.

    Parameters
    ----------
    root : path or URI of the output folder of a run

    Raises
    ------
    OutputError
        If a table is missing or cannot be read.
    """
    tables = Tables(root)
    versions = tables.read(schema.LABELED_TRACKS, ["model_version"]).column("model_version")
    rows = tables.read(schema.CLUSTER_PROFILES, schema.CLUSTER_PROFILES.names).to_pylist()
    version = versions[0].as_py() if len(versions) else None
    return sorted((row for row in rows if row["model_version"] == version), key=lambda row: row["cluster"])


def runs(root: str, last: int | None = None) -> list[dict[str, Any]]:
    """Return the rows of the table ``runs``, one dict per run of a job, newest last.

    A dict maps column to value. The JSON texts in the columns settings, versions, input and counts are parsed.

    Parameters
    ----------
    root : path or URI of the output folder of a run
    last : number of newest runs to return; if None, all

    Raises
    ------
    OutputError
        If the table is missing or cannot be read.
    """
    rows = Tables(root).read(schema.RUNS, schema.RUNS.names).to_pylist()
    rows = sorted(rows, key=lambda row: (row["started_at"], row["run_id"]))
    for row in rows:
        row |= {name: _parse(row[name]) for name in ("settings", "versions", "input", "counts")}
    return rows if last is None else rows[max(0, len(rows) - last) :]


def _parse(text: str | None) -> Any:
    """Parse a JSON text. Returns an empty dict for None and for invalid JSON.

    The table ``runs`` may have invalid JSON, written by earlier versions of segue when they redacted secrets.
    """
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}


def _similar_to(tables: Tables, searched: str, track_id: str) -> Answer:
    """Return the Answer for one track. ``searched`` is the typed title."""
    lists = tables.rows(schema.SIMILAR_TRACKS, [track_id], ["tracks_version", "similar"])
    entries = lists[track_id]["similar"] if track_id in lists else []
    features = list(dict.fromkeys(name for entry in entries for name in entry["why"]))
    keys = tables.stored(schema.LABELED_TRACKS, _KEY_COLUMNS)
    features = [name for name in features if name != KEY]
    columns = list(dict.fromkeys([*_TRACK_COLUMNS, *_CLUSTER_COLUMNS, *keys, *features]))
    rows = tables.rows(schema.LABELED_TRACKS, [track_id, *(entry["track_id"] for entry in entries)], columns)
    terciles = _terciles(tables, features)
    track = rows[track_id]
    neighbours = [
        {
            **_shown(rows[entry["track_id"]]),
            "distance": entry["distance"],
            "same_cluster": entry["same_cluster"],
            "why": entry["why"],
            "because": describe_reasons(entry["why"], track, rows[entry["track_id"]], terciles),
        }
        for entry in entries
        if entry["track_id"] in rows  # false for a track that was removed after the lists were made
    ]
    notes = _staleness(lists.get(track_id), tables)
    return Answer(searched, _shown(track), neighbours, [], notes)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Select the columns of a track for an Answer, and add ``key_name``. ``row`` is a row of ``labeled_tracks``."""
    code = key_code(*(row.get(name) for name in _KEY_COLUMNS))
    return {name: row[name] for name in _COLUMNS} | {"key_name": key_name(code)}


def _staleness(row: dict[str, Any] | None, tables: Tables) -> list[str]:
    """Return one note if a track's list of similar tracks is missing or outdated, else an empty list.

    A list is outdated if the table ``labeled_tracks`` has changed since the list was made.

    Parameters
    ----------
    row : the track's row in ``similar_tracks``; None if the track has no list
    tables : the tables of the output folder
    """
    if row is None:
        return ["similar_tracks has no list for this track; run recommend_tracks.py"]
    version = row["tracks_version"]
    if tables.is_current(schema.LABELED_TRACKS, version):
        return []
    return [
        f"the lists were made from version {version} of labeled_tracks, which is at version "
        f"{tables.version(schema.LABELED_TRACKS)}; run recommend_tracks.py"
    ]


def _terciles(tables: Tables, names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Compute the 1/3 and 2/3 quantiles of features over all tracks: ``{"bpm": (104.0, 128.0)}``."""
    terciles = {}
    for name in names:
        values = [x for x in tables.read(schema.LABELED_TRACKS, [name]).column(name).to_pylist() if x is not None]
        low, high = np.quantile(values, [1 / 3, 2 / 3]) if values else (0.0, 0.0)
        terciles[name] = (float(low), float(high))
    return terciles


def figures(root: str) -> dict[str, str]:
    """Return all figures of a report, a dict from a figure's name to its plotly JSON text.

    Parameters
    ----------
    root : path or URI of the output folder of a run

    Raises
    ------
    OutputError
        If ``report.json`` is missing, cannot be read, or is not that of a report.
    """
    return {name: json.dumps(content, ensure_ascii=False) for name, content in _contents(root).items()}


def figure(root: str, name: str) -> "go.Figure":
    """Return one figure of a report as a plotly Figure.

    Parameters
    ----------
    root : path or URI of the output folder of a run
    name : name of a figure, a key of the dict that ``figures`` returns

    Raises
    ------
    InputError
        If the report has no figure of this name.
    OutputError
        If ``report.json`` is missing, cannot be read, or is not that of a report.
    """
    import plotly.graph_objects as go  # imported here: plotly is slow to import, and other look-ups do not need it

    contents = _contents(root)
    if name not in contents:
        raise InputError(f"the report has no figure {name!r}; it has {', '.join(contents)}")
    return go.Figure(contents[name])


def figure_image(root: str, name: str, path: str, kind: str) -> None:
    """Write one figure of a report to a file, as a picture with a white background.

    Parameters
    ----------
    root : path or URI of the output folder of a run
    name : name of a figure, a key of the dict that ``figures`` returns
    path : local file to write
    kind : "png", "svg" or "pdf"

    Raises
    ------
    InputError
        If the report has no figure of this name, or kaleido or a browser is missing.
    OutputError
        If ``report.json`` is missing, cannot be read, or is not that of a report; or if the picture cannot be written.
    """
    drawn = figure(root, name)
    drawn.update_layout(paper_bgcolor=_BACKGROUND, font={"color": _FOREGROUND}, width=WIDTH)
    try:
        drawn.write_image(path, format=kind, scale=SCALE)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"cannot draw {name}: {' '.join(str(error).split())[:200]}; type pip install 'segue[picture]', "
            "and install Chromium or Chrome"
        ) from error


def _contents(root: str) -> dict[str, Any]:
    """Read all figures from ``report.json``: ``{name: {"data": […], "layout": {…}}}``."""
    text = read_text(root, JSON_FILE)
    if text is None:
        raise OutputError(f"{root} has no {JSON_FILE}, which the report's figures are read from; run render_report.py")
    try:
        contents: dict[str, Any] = json.loads(text)["figures"]
        return dict(contents)
    except (ValueError, LookupError, TypeError) as error:
        raise OutputError(f"{root}/{JSON_FILE} is not a report's JSON; delete it and run render_report.py") from error
