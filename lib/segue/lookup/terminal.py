"""Format answers as plain text for a terminal or a pipe."""

from collections.abc import Sequence
from io import StringIO
from typing import Any

from segue.core.text import printable
from segue.lookup.answers import Answer

_GAP, _MIN_WIDTH = 2, 12
"""Characters between two columns, and to which a column is shortened at least."""


def similar_text(answer: Answer, width: int) -> str:
    """Return a track and its similar tracks, or the candidates, as text of ``width`` columns."""
    if answer.track is None:
        return "\n".join([*_candidates(answer, width), *_notes(answer)])
    rows = [
        [
            str(number),
            f"{row['distance']:.2f}",
            row["title"],
            row["artist"],
            ("" if row["same_cluster"] else f"[{row['cluster']}] ") + row["because"],
        ]
        for number, row in enumerate(answer.similar, 1)
    ]
    lines = ["no similar tracks; the settings recommend.* in conf/defaults.toml limit the lists"]
    if rows:
        lines = table(["", "distance", "title", "artist", "why"], rows, width, [2, 3, 4])
    has_other_cluster = any(not row["same_cluster"] for row in answer.similar)
    legend = ["", "[n]: in another cluster, number n"] if has_other_cluster else []
    return "\n".join([*_head(answer.track), "", *lines, *legend, *_notes(answer)])


def clusters_text(rows: Sequence[dict[str, Any]], width: int) -> str:
    """Return the profiles of clusters as a table of ``width`` columns."""
    cells = [
        [
            row["cluster_name"],
            f"{row['n_tracks']:,}",
            f"{row['share']:.0%}",
            f"{row['silhouette']:.2f}",
            row["cluster_description"],
            ", ".join(genre["genre"] for genre in (row["top_genres"] or [])[:3]),
            "; ".join(f"{track['title']} ({track['artist'] or ''})" for track in (row["exemplars"] or [])[:1]),
        ]
        for row in rows
    ]
    header = ["cluster", "tracks", "share", "silhouette", "description", "genres", "most typical"]
    return "\n".join(table(header, cells, width, [4, 5, 6]))


def runs_text(rows: Sequence[dict[str, Any]], width: int) -> str:
    """Return runs as a table of ``width`` columns."""
    cells = [
        [
            f"{row['started_at']:%Y-%m-%d %H:%M:%S}",
            row["job"],
            row["status"],
            f"{row['counts'].get('seconds', 0):.1f}",
            row["error"] or _counts(row["counts"]),
        ]
        for row in rows
    ]
    return "\n".join(table(["started (UTC)", "job", "status", "seconds", "result"], cells, width, [4]))


def table(
    header: Sequence[str], rows: Sequence[Sequence[str | None]], width: int, flexible: Sequence[int]
) -> list[str]:
    """Return the lines of a table, one per row, without borders, markup or ANSI codes.

    Parameters
    ----------
    header : titles of the columns
    rows : cells; control characters are replaced by spaces
    width : columns of the terminal; a row may be wider where the columns cannot be shortened further
    flexible : indices of the columns that are shortened, the widest first, to ``_MIN_WIDTH`` characters at least
    """
    # imported here: some 50 ms, which --help and --json need not wait for
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    lines = [[_printable(cell) for cell in line] for line in (header, *rows)]
    grid = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, show_header=False)
    narrowest = -_GAP
    for index in range(len(header)):
        widest = max(cell_len(line[index]) for line in lines)
        narrowest += _GAP + (min(widest, _MIN_WIDTH) if index in flexible else widest)
        grid.add_column(no_wrap=index not in flexible)
    for line in lines:
        grid.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in line))  # Text: no markup in data
    output = StringIO()
    # below the narrowest width rich would drop columns
    width = max(width, narrowest)
    Console(file=output, width=width, color_system=None, force_terminal=False, force_jupyter=False).print(grid)
    return [line.rstrip() for line in output.getvalue().split("\n")[:-1]]


def _candidates(answer: Answer, width: int) -> list[str]:
    rows = [
        [str(number), row["title"], row["artist"], str(row["year"] or "")]
        for number, row in enumerate(answer.candidates, 1)
    ]
    title = "No exact match. Closest title (select it with --pick 1):"
    if len(rows) > 1:
        title = f"{len(rows)} recordings match; select one with --pick, or type title - artist:"
    return [title, "", *table(["pick", "title", "artist", "year"], rows, width, [1, 2])]


def _head(track: dict[str, Any]) -> list[str]:
    """Return title, details and cluster of a track, each on one line."""
    details = [f"by {track['artist']}"] if track["artist"] else []
    details += [f"on {track['album']}"] if track["album"] else []
    details += [str(track[name]) for name in ("year", "genre") if track[name]]
    details += [f"{track['bpm']:.0f} BPM"] if track["bpm"] else []
    cluster = f"{track['cluster_name']}: {track['cluster_description']}"
    return [_printable(track["title"]), "  " + _printable(", ".join(details)), "  " + _printable(cluster)]


def _notes(answer: Answer) -> list[str]:
    return ["", *(f"note: {note}" for note in answer.notes)] if answer.notes else []


def _counts(counts: dict[str, Any]) -> str:
    """Return the counts of each stage that are not zero."""
    texts = []
    for stage, values in counts.items():
        if isinstance(values, dict):
            nonzero = [f"{name} {value:,}" for name, value in values.items() if isinstance(value, int) and value]
            texts.append(f"{stage}: {', '.join(nonzero) or 'nothing to do'}")
    return "; ".join(texts)


def _printable(text: str | None) -> str:
    """Return a text with spaces for control characters, which would move the cursor or colour the terminal."""
    # guard: terminal-control-characters-removed -> return text or ""
    return printable(text or "")
