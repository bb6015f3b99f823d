"""The command ``segue``: look-ups in the tables of an output, without a JVM."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NoReturn

from segue.errors import SegueError
from segue.lookup import answers, figure_files, terminal

DONE, WRONG_OPTIONS, UNUSABLE_INPUT = 0, 2, 3
"""Exit codes."""
_DEFAULT_RUNS = 20
_SIZE_WITHOUT_TERMINAL = (120, 40)
_Answer = tuple[Any, Callable[[int], str]]
"""The answer in the types of JSON, and a function that formats it for a width of the terminal."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"error: {message}; see {self.prog} --help", file=sys.stderr)
        sys.exit(WRONG_OPTIONS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one look-up, print its answer and return its exit code."""
    options = _parser().parse_args(argv)
    try:
        answer, format_text = options.look_up(options)
        text = _to_json(answer) if options.json else format_text(_terminal_width())
    except SegueError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return UNUSABLE_INPUT
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # the reader, such as head, has closed the pipe; without this Python reports it again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE


def _parser() -> _Parser:
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
    for kind in figure_files.FORMATS:
        figure.add_argument(
            f"--{kind}", metavar="FILE", nargs="?", const="", help=f"write it to FILE, by default NAME.{kind}"
        )
    figure.set_defaults(look_up=_figure)
    return parser


def _figure(options: argparse.Namespace) -> _Answer:
    if options.name is None:
        names = sorted(figure_files.figures(options.output))
        return names, lambda _: "\n".join(names)
    kinds = [kind for kind in figure_files.FORMATS if getattr(options, kind) is not None]
    if not kinds:
        figure = figure_files.figure(options.output, options.name)
        text = f"{options.name} exists; write it to a file with --png, --svg or --pdf"
        return json.loads(figure.to_json()), lambda _: text
    paths = [getattr(options, kind) or f"{options.name}.{kind}" for kind in kinds]
    for kind, path in zip(kinds, paths, strict=True):
        figure_files.figure_image(options.output, options.name, path, kind)
    return paths, lambda _: "\n".join(f"wrote {path}" for path in paths)


def _similar(options: argparse.Namespace) -> _Answer:
    answer = answers.similar(options.output, options.title, pick=options.pick)
    return answer.as_dict(), lambda width: terminal.similar_text(answer, width)


def _clusters(options: argparse.Namespace) -> _Answer:
    rows = answers.clusters(options.output)
    return rows, lambda width: terminal.clusters_text(rows, width)


def _runs(options: argparse.Namespace) -> _Answer:
    rows = answers.runs(options.output, options.last)
    return rows, lambda width: terminal.runs_text(rows, width)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
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
