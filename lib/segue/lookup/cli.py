"""Run the command ``segue``, which prints look-ups in the tables of an output folder, without a JVM."""

import argparse
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from io import StringIO
from typing import Any, NoReturn

from segue.core.text import printable
from segue.errors import SegueError
from segue.lookup import answers
from segue.lookup.answers import Answer

_GAP, _MIN_WIDTH = 2, 12
"""Number of spaces between two columns, and minimum width of a shortened column in characters."""


def similar_text(answer: Answer, width: int) -> str:
    """Format an Answer of ``answers.similar`` as text for a terminal of ``width`` characters."""
    if answer.track is None:
        return "\n".join([*_candidates(answer, width), *_notes(answer)])
    has_keys = any(row["key_name"] for row in answer.similar)
    rows = [
        [
            str(number),
            f"{row['distance']:.2f}",
            row["title"],
            row["artist"],
            *([row["key_name"]] if has_keys else []),
            ("" if row["same_cluster"] else f"[{row['cluster']}] ") + row["because"],
        ]
        for number, row in enumerate(answer.similar, 1)
    ]
    lines = ["no similar tracks; the settings recommend.* in conf/defaults.toml limit the lists"]
    if rows:
        header = ["", "distance", "title", "artist", *(["key"] if has_keys else []), "why"]
        lines = table(header, rows, width, [2, 3, len(header) - 1])
    has_other_cluster = any(not row["same_cluster"] for row in answer.similar)
    legend = ["", "[n]: in another cluster, number n"] if has_other_cluster else []
    return "\n".join([*_head(answer.track), "", *lines, *legend, *_notes(answer)])


def clusters_text(rows: Sequence[dict[str, Any]], width: int) -> str:
    """Format the result of ``answers.clusters`` as a table for a terminal of ``width`` characters."""
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
    """Format the result of ``answers.runs`` as a table for a terminal of ``width`` characters."""
    cells = [
        [
            f"{row['started_at']:%Y-%m-%d %H:%M:%S}",
            row["job"],
            row["status"],
            f"{row['counts']['seconds']:.1f}" if "seconds" in row["counts"] else "",  # missing if the run died
            row["error"] or _counts(row["counts"]),
        ]
        for row in rows
    ]
    return "\n".join(table(["started (UTC)", "job", "status", "seconds", "result"], cells, width, [4]))


def table(
    header: Sequence[str], rows: Sequence[Sequence[str | None]], width: int, flexible: Sequence[int]
) -> list[str]:
    """Format a table as plain text, and return its lines: the header, and one for each row.

    Parameters
    ----------
    header : titles of the columns
    rows : a list of cells for each row; control characters are replaced by spaces
    width : width of the terminal in characters; lines are longer if the columns cannot be shortened enough
    flexible : indices of the columns that may be shortened, to no less than ``_MIN_WIDTH`` characters
    """
    # imported here: the import takes some 50 ms, and --help and --json do not need it
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
    # in a narrower table, rich would leave out columns
    width = max(width, narrowest)
    Console(file=output, width=width, color_system=None, force_terminal=False, force_jupyter=False).print(grid)
    return [line.rstrip() for line in output.getvalue().split("\n")[:-1]]


def _candidates(answer: Answer, width: int) -> list[str]:
    """Format ``answer.candidates`` as lines of text: first a line that explains ``--pick``, then a table."""
    rows = [
        [str(number), row["title"], row["artist"], str(row["year"] or "")]
        for number, row in enumerate(answer.candidates, 1)
    ]
    title = "No exact match. Closest title (select it with --pick 1):"
    if len(rows) > 1:
        title = f"{len(rows)} recordings match; select one with --pick, or type title - artist:"
    return [title, "", *table(["pick", "title", "artist", "year"], rows, width, [1, 2])]


def _head(track: dict[str, Any]) -> list[str]:
    """Format a track as three lines: title, details, cluster.

    Details are, for example, "by Adele, on 21, 2011, pop, 105 BPM". ``track`` is a dict from column name to value.
    """
    details = [f"by {track['artist']}"] if track["artist"] else []
    details += [f"on {track['album']}"] if track["album"] else []
    details += [str(track[name]) for name in ("year", "genre") if track[name]]
    details += [f"{track['bpm']:.0f} BPM"] if track["bpm"] else []
    details += [track["key_name"]] if track["key_name"] else []
    cluster = f"{track['cluster_name']}: {track['cluster_description']}"
    return [_printable(track["title"]), "  " + _printable(", ".join(details)), "  " + _printable(cluster)]


def _notes(answer: Answer) -> list[str]:
    return ["", *(f"note: {note}" for note in answer.notes)] if answer.notes else []


def _counts(counts: dict[str, Any]) -> str:
    """Format the counts of a run: "ingest: read 2,000, added 1,994; label: nothing to do".

    ``counts`` is, for example, ``{"ingest": {"read": 2000, "added": 1994}, "label": {"added": 0}, "seconds": 9.5}``.
    Values that are no dicts are ignored. Counts of single tables, under ``tables``, are added up.
    """
    texts = []
    for stage, values in counts.items():
        if isinstance(values, dict):
            totals = Counter({name: value for name, value in values.items() if type(value) is int})
            for by_name in values.get("tables", {}).values():
                totals.update(by_name)
            nonzero = [f"{name} {value:,}" for name, value in totals.items() if value]
            texts.append(f"{stage}: {', '.join(nonzero) or 'nothing to do'}")
    return "; ".join(texts)


def _printable(text: str | None) -> str:
    """Replace control characters by spaces. In a terminal, they could move the cursor or change colours."""
    # guard: terminal-control-characters-removed -> return text or ""
    return printable(text or "")


DONE, WRONG_OPTIONS, UNUSABLE_INPUT = 0, 2, 3
"""Exit codes of the command: success, wrong option, failed look-up."""
_DEFAULT_RUNS = 20
_SIZE_WITHOUT_TERMINAL = (120, 40)
"""Width and height in characters to assume if the output is not a terminal."""
_Answer = tuple[Any, Callable[[int], str]]
"""The value to print with ``--json``, and a function for the text to print without it.

The argument of the function is the width of the terminal in characters.
"""


class _Parser(argparse.ArgumentParser):
    """A parser that reports a wrong option in one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {message}; see {self.prog} --help", file=sys.stderr)
        sys.exit(WRONG_OPTIONS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the look-up selected by ``argv``, print the result, and return the exit code.

    By default, ``argv`` is taken from the command line. The exit code is 0, or 3 if the look-up fails. If an option is
    wrong, the process exits with code 2.
    """
    options = parser().parse_args(argv)
    try:
        answer, format_text = options.look_up(options)
        text = _to_json(answer) if options.json else format_text(_terminal_width())
    except SegueError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return UNUSABLE_INPUT
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # a reader such as head has closed the pipe; with stdout redirected, Python exits without an error message
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE


def parser() -> argparse.ArgumentParser:
    """Return the parser. It sets the attribute ``look_up`` of the options: a function from options to an _Answer."""
    parser = _Parser(prog="segue", description="Look-ups in the tables that segue wrote, without Spark.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = _Parser(add_help=False)
    shared.add_argument("--output", metavar="ROOT", required=True, help="path or URI of the tables")
    shared.add_argument("--json", action="store_true", help="print JSON instead of text")
    similar = commands.add_parser("similar", parents=[shared], help="the tracks most similar to a track")
    similar.add_argument("title", metavar="TITLE", help='a title, "title - artist" or a track id')
    similar.add_argument("--pick", metavar="N", type=int, help="the Nth candidate, if several tracks match")
    similar.set_defaults(look_up=_similar)
    clusters = commands.add_parser("clusters", parents=[shared], help="the profiles of the clusters")
    clusters.set_defaults(look_up=_clusters)
    runs = commands.add_parser("runs", parents=[shared], help="the runs of jobs and their counts")
    runs.add_argument(
        "--last", metavar="N", type=_count, default=_DEFAULT_RUNS, help=f"the newest N (default {_DEFAULT_RUNS})"
    )
    runs.set_defaults(look_up=_runs)
    figure = commands.add_parser("figure", parents=[shared], help="a figure of the report as a picture")
    figure.add_argument("name", metavar="NAME", nargs="?", help="name of the figure; without it the names are listed")
    for kind in answers.FORMATS:
        figure.add_argument(
            f"--{kind}", metavar="FILE", nargs="?", const="", help=f"write it to FILE, by default NAME.{kind}"
        )
    figure.set_defaults(look_up=_figure)
    return parser


def _figure(options: argparse.Namespace) -> _Answer:
    """Write the figure ``options.name`` to the files of ``--png``, ``--svg`` and ``--pdf``; return the paths.

    Without these options, returns the figure as a dict. Without a name, returns the names of all figures.
    """
    if options.name is None:
        names = sorted(answers.figures(options.output))
        return names, lambda _: "\n".join(names)
    kinds = [kind for kind in answers.FORMATS if getattr(options, kind) is not None]
    if not kinds:
        figure = answers.figure(options.output, options.name)
        text = f"{options.name} exists; write it to a file with --png, --svg or --pdf"
        return json.loads(figure.to_json()), lambda _: text
    paths = [getattr(options, kind) or f"{options.name}.{kind}" for kind in kinds]
    for kind, path in zip(kinds, paths, strict=True):
        answers.figure_image(options.output, options.name, path, kind)
    return paths, lambda _: "\n".join(f"wrote {path}" for path in paths)


def _similar(options: argparse.Namespace) -> _Answer:
    answer = answers.similar(options.output, options.title, pick=options.pick)
    return answer.as_dict(), lambda width: similar_text(answer, width)


def _clusters(options: argparse.Namespace) -> _Answer:
    rows = answers.clusters(options.output)
    return rows, lambda width: clusters_text(rows, width)


def _runs(options: argparse.Namespace) -> _Answer:
    rows = answers.runs(options.output, options.last)
    return rows, lambda width: runs_text(rows, width)


def _count(text: str) -> int:
    """Parse the value of ``--last``, a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number of at least 1")
    return int(text)


def _terminal_width() -> int:
    return shutil.get_terminal_size(_SIZE_WITHOUT_TERMINAL).columns


def _to_json(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False, indent=1, default=_json_default)


def _json_default(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON type")


if __name__ == "__main__":
    sys.exit(main())
