"""The command ``segue``: look-ups in the tables of an output; no Spark here."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

from segue.errors import SegueError
from segue.lookup import answers, figure_files, terminal

DONE, WRONG_OPTIONS, UNUSABLE_INPUT = 0, 2, 3
_RUNS = 20


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"error: {message}; see {self.prog} --help", file=sys.stderr)
        sys.exit(WRONG_OPTIONS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one look-up and return its exit code."""
    options = _parser().parse_args(argv)
    try:
        found, text = options.look_up(options, shutil.get_terminal_size((120, 40)).columns)
    except SegueError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return UNUSABLE_INPUT
    try:
        print(json.dumps(found, ensure_ascii=False, indent=1, default=_as_json) if options.json else text, flush=True)
    except BrokenPipeError:  # whoever reads has seen enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE


def _parser() -> _Parser:
    parser = _Parser(prog="segue", description="Look-ups in the tables that segue wrote, without Spark.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = _Parser(add_help=False)
    shared.add_argument("--output", metavar="ROOT", required=True, help="where the tables are: a path or URI")
    shared.add_argument("--json", action="store_true", help="print JSON instead of text")
    similar = commands.add_parser("similar", parents=[shared], help="what to play next")
    similar.add_argument("title", metavar="TITLE", help='a title, "title - artist" or a track id')
    similar.add_argument("--pick", metavar="N", type=int, help="the Nth of the candidates, where there are several")
    similar.set_defaults(look_up=_similar)
    clusters = commands.add_parser("clusters", parents=[shared], help="what the clusters sound like")
    clusters.set_defaults(look_up=_clusters)
    runs = commands.add_parser("runs", parents=[shared], help="what was run, and what it did")
    runs.add_argument("--last", metavar="N", type=_count, default=_RUNS, help=f"so many of them (default {_RUNS})")
    runs.set_defaults(look_up=_runs)
    drawn = commands.add_parser("figure", parents=[shared], help="a figure of the report as a picture")
    drawn.add_argument("name", metavar="NAME", nargs="?", help="which; without a name the names are listed")
    for kind in figure_files.FORMATS:
        drawn.add_argument(
            f"--{kind}", metavar="FILE", nargs="?", const="", help=f"write it, by default as NAME.{kind}"
        )
    drawn.set_defaults(look_up=_figure)
    return parser


def _figure(options: argparse.Namespace, width: int) -> tuple[Any, str]:
    if options.name is None:
        known = sorted(figure_files.figures(options.output))
        return known, "\n".join(known)
    kinds = [kind for kind in figure_files.FORMATS if getattr(options, kind) is not None]
    if not kinds:
        return json.loads(figure_files.figure(options.output, options.name).to_json()), (
            f"{options.name} is there; --png, --svg or --pdf writes it"
        )
    paths = [getattr(options, kind) or f"{options.name}.{kind}" for kind in kinds]
    for kind, path in zip(kinds, paths, strict=True):
        figure_files.figure_image(options.output, options.name, path, kind)
    return paths, "\n".join(f"wrote {path}" for path in paths)


def _similar(options: argparse.Namespace, width: int) -> tuple[Any, str]:
    answer = answers.similar(options.output, options.title, pick=options.pick)
    return answer.as_dict(), terminal.similar_text(answer, width)


def _clusters(options: argparse.Namespace, width: int) -> tuple[Any, str]:
    rows = answers.clusters(options.output)
    return rows, terminal.clusters_text(rows, width)


def _runs(options: argparse.Namespace, width: int) -> tuple[Any, str]:
    rows = answers.runs(options.output, options.last)
    return rows, terminal.runs_text(rows, width)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, wanted a whole number of at least 1")
    return int(text)


def _as_json(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not for JSON")


if __name__ == "__main__":
    sys.exit(main())
