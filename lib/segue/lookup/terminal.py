"""Answers as text for a terminal; no Spark here."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from segue.core.text import printable
from segue.lookup.answers import Answer

_GAP = 2
_WIDE = "WF"


def similar_text(answer: Answer, width: int) -> str:
    """Return a track and its list, or the candidates, as text."""
    if answer.track is None:
        rows = [[str(n), _title(one), _clean(one["artist"]), _year(one)] for n, one in enumerate(answer.candidates, 1)]
        several = f"{len(rows)} recordings may be meant; choose one with --pick, or say title - artist:"
        lines = [several if len(rows) > 1 else "no title is just that; the one that comes near is had by --pick 1:", ""]
        return "\n".join([*lines, *table(["pick", "title", "artist", "year"], rows, width, [1, 2]), *_notes(answer)])
    rows = [
        [
            str(number),
            f"{one['distance']:.2f}",
            _title(one),
            _clean(one["artist"]),
            ("" if one["same_cluster"] else f"[{one['cluster']}] ") + one["because"],
        ]
        for number, one in enumerate(answer.similar, 1)
    ]
    header = ["", "distance", "title", "artist", "why"]
    listed = (
        table(header, rows, width, [2, 3, 4]) if rows else ["no similar tracks: see recommend.* in conf/defaults.toml"]
    )
    foreign = any(not one["same_cluster"] for one in answer.similar)
    legend = ["", "[n]: of another cluster, number n"] if foreign else []
    return "\n".join([*_head(answer.track), "", *listed, *legend, *_notes(answer)])


def clusters_text(rows: Sequence[dict[str, Any]], width: int) -> str:
    """Return the profiles of clusters as a table."""
    told = [
        [
            row["cluster_name"],
            f"{row['n_tracks']:,}",
            f"{row['share']:.0%}",
            f"{row['silhouette']:.2f}",
            row["cluster_description"],
            ", ".join(_clean(genre["genre"]) for genre in (row["top_genres"] or [])[:3]),
            "; ".join(f"{_clean(one['title'])} ({_clean(one['artist'])})" for one in (row["exemplars"] or [])[:1]),
        ]
        for row in rows
    ]
    header = ["cluster", "tracks", "share", "silhouette", "sounds", "genres", "most typical"]
    return "\n".join(table(header, told, width, [4, 5, 6]))


def runs_text(rows: Sequence[dict[str, Any]], width: int) -> str:
    """Return runs as a table."""
    told = [
        [
            f"{row['started_at']:%Y-%m-%d %H:%M:%S}",
            row["job"],
            row["status"],
            f"{row['counts'].get('seconds', 0):.1f}",
            _clean(row["error"] or _counts(row["counts"])),
        ]
        for row in rows
    ]
    return "\n".join(table(["started (UTC)", "job", "status", "seconds", "what it did"], told, width, [4]))


def table(header: Sequence[str], rows: Sequence[Sequence[str]], width: int, flexible: Sequence[int]) -> list[str]:
    """Return lines of columns; the flexible ones are cut where all do not fit, the widest first."""
    columns = range(len(header))
    widths = [max(_width(line[c]) for line in (header, *rows)) for c in columns]
    while sum(widths) + _GAP * (len(header) - 1) > width:
        widest = max(flexible, key=lambda c: widths[c])
        if widths[widest] <= 12:
            break
        widths[widest] -= 1
    lines = []
    for line in (header, *rows):
        cells = [_fitted(line[c], widths[c]) for c in columns]
        lines.append((" " * _GAP).join(cells).rstrip())
    return lines


def _head(track: dict[str, Any]) -> list[str]:
    about = [f"by {_clean(track['artist'])}"] if track["artist"] else []
    about += [f"on {_clean(track['album'])}"] if track["album"] else []
    about += [str(track[name]) for name in ("year", "genre") if track[name]]
    about += [f"{track['bpm']:.0f} BPM"] if track["bpm"] else []
    words = f"{track['cluster_name']}: {track['cluster_description']}"
    return [_clean(track["title"]), "  " + _clean(", ".join(about)), f"  {words}"]


def _notes(answer: Answer) -> list[str]:
    return ["", *(f"note: {note}" for note in answer.notes)] if answer.notes else []


def _counts(counts: dict[str, Any]) -> str:
    told = []
    for stage, values in counts.items():
        if isinstance(values, dict):
            some = [f"{name} {value:,}" for name, value in values.items() if isinstance(value, int) and value]
            told.append(f"{stage}: {', '.join(some) or 'nothing to do'}")
    return "; ".join(told)


def _title(row: dict[str, Any]) -> str:
    return _clean(row["title"])


def _year(row: dict[str, Any]) -> str:
    return str(row["year"] or "")


def _clean(text: str | None) -> str:
    """Return a text of somebody's file without what would move the cursor."""
    # guard: terminal-control-characters-removed -> return text or ""
    return printable(text or "")


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in _WIDE else 1 for c in text)


def _fitted(text: str, width: int) -> str:
    if _width(text) > width:
        while _width(text) > width - 1:
            text = text[:-1]
        text = text.rstrip() + "…"
    return text + " " * (width - _width(text))
