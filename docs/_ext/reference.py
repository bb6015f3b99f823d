"""Sphinx extension: put reference lists, generated from the code, where a page has ``<!-- generated: NAME -->``.

Each list is Markdown, made by one function of this module from the settings' models, the declared tables, the jobs'
parsers, the source definitions or the front door of the package. None of them starts a JVM.
"""

import argparse
import importlib.util
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import segue
from segue import schema
from segue.core.packaged import conf
from segue.ingest.columns.sources import COLUMNS
from segue.ingest.columns.units import UNITS
from segue.lookup import cli
from segue.runtime.job import EXIT_CODES, Job, command_line_parser
from segue.schema.tables import MADE_BY
from segue.settings.loading import SECTIONS, toml_value
from segue.settings.values import expectation

PROJECT = Path(__file__).resolve().parents[2]
MARK = re.compile(r"^<!-- generated: ([a-z_]+) -->$", re.MULTILINE)
_LINK = re.compile(r"\]\(([a-z_/]+\.md)\)")
_DESCRIBED = re.compile(r"^( *)(\w+) : (.+)$")
_CONTINUING = frozenset("abcdefghijklmnopqrstuvwxyz`(")
_MODULES = ("errors", "lookup", "schema")


def settings() -> str:
    """Return a section for each section of the settings: every setting, its default, what it may be, its meaning."""
    parts = []
    for section, model in SECTIONS.items():
        properties = model.model_json_schema()["properties"]
        parts.append(f"## `{section}`\n\n{model.__doc__}\n")
        for key, field in model.model_fields.items():
            default = field.get_default(call_default_factory=False)
            text = "none" if default is None else f"`{toml_value(default)}`"
            example = f" Example: `{toml_value(field.examples[0])}`." if field.examples else ""
            meaning = _escaped(field.description or "")
            parts.append(
                f"`{section}.{key}`\n: {meaning[:1].upper()}{meaning[1:]}.\n"
                f": *Default:* {text}. *Expected:* {_allowed(properties[key])}.{example}\n"
            )
    return "\n".join(parts)


def tables() -> str:
    """Return a section for each Delta table: the job that writes it, its key, columns with comments, constraints."""
    parts = []
    for table in schema.TABLES:
        rows = [
            (
                f"`{column.name}`",
                f"`{column.type}`",
                _escaped(column.comment) + ("" if column.required else "; or null"),
            )
            for column in table.columns
        ]
        rules = "; ".join(f"`{condition}`" for name, condition in table.rules if not name.endswith("_in_range"))
        key = ", ".join(f"`{name}`" for name in table.key)
        parts.append(
            f"## `{table.name}`\n\nWritten by `{MADE_BY[table.name]}`. Key: {key}.\n\n"
            + _table(("column", "type", "meaning"), rows)
            + (f"\nConstraints, besides the ranges and required columns: {rules}.\n" if rules else "")
        )
    return "\n".join(parts)


def features() -> str:
    """Return a table of the audio features with unit and range."""
    return _table(("feature", "unit", "range"), [(f"`{f.name}`", f.unit, f.range) for f in schema.FEATURES])


def jobs() -> str:
    """Return a section for each job in ``jobs/``: what it does, and its options."""
    parts = []
    for name, parser in job_parsers():
        parts.append(f"## `jobs/{name}.py`\n\n{_escaped(_one_line(parser.description))}\n\n{_options(parser)}")
    return "\n".join(parts)


def job_parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield name and command-line parser of each job in ``jobs/``, in alphabetical order."""
    for path in sorted((PROJECT / "jobs").glob("*.py")):
        module = _load(path)
        entries = [value.JOB for value in vars(module).values() if isinstance(getattr(value, "JOB", None), Job)]
        yield path.stem, command_line_parser(entries[0]) if entries else module.PARSER


def exit_codes() -> str:
    """Return a table of the jobs' exit codes."""
    return _table(("code", "meaning"), [(str(code), _escaped(text)) for code, text in EXIT_CODES.items()])


def command() -> str:
    """Return a section for each subcommand of ``segue``: what it shows, and its options."""
    (commands,) = (a for a in cli.parser()._actions if isinstance(a, argparse._SubParsersAction))
    helps = {action.dest: action.help for action in commands._choices_actions}
    return "\n".join(
        f"## `segue {name}`\n\nShows {_escaped(helps[name] or '')}.\n\n{_options(parser)}"
        for name, parser in commands.choices.items()
    )


def sources() -> str:
    """Return a table of every column with its units and the headers that mean it, then one of the sources."""
    headers: dict[str, dict[str, None]] = {}
    rows = []
    for file in sorted((conf() / "sources").iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".toml"):
            continue
        content = tomllib.loads(file.read_text("utf-8"))
        rows.append((f"`{content['name']}`", f"`conf/sources/{file.name}`", str(len(content["headers"]))))
        for header, entry in content["headers"].items():
            column = entry["column"] if isinstance(entry, dict) else entry
            headers.setdefault(column, {})[f"`{header}`"] = None
    names = [
        (f"`{column}`", ", ".join(f"`{unit}`" for unit in UNITS.get(column, ())) or "one", ", ".join(known))
        for column, known in sorted(headers.items(), key=lambda item: COLUMNS.index(item[0]))
    ]
    return (
        _table(("column", "units", "headers"), names)
        + "\n## The sources\n\n"
        + _table(("source", "file", "headers"), rows)
    )


def api() -> str:
    """Return the autodoc directives for every name of ``segue.__all__``: its docstring becomes its entry."""
    lines = []
    for name in sorted(set(segue.__all__) - {"__version__", *_MODULES}, key=str.lower):
        kind = "autoclass" if isinstance(getattr(segue, name), type) else "autofunction"
        members = (
            ["   :members:", "   :inherited-members: object"] if name.startswith("KMeansGrid") else ["   :members:"]
        )
        lines += [f".. {kind}:: segue.{name}", *(members if kind == "autoclass" else []), ""]
    body = "\n".join(lines)
    parts = [f"## Functions and classes\n\n```{{eval-rst}}\n{body}\n```\n"]
    for module in ("lookup", "errors"):
        parts.append(f"## `segue.{module}`\n\n```{{eval-rst}}\n.. automodule:: segue.{module}\n   :members:\n```\n")
    return "\n".join(parts)


def navigation() -> str:
    """Return hidden tables of contents: a caption for each section of the front page, and the pages it links."""
    page = (PROJECT / "docs" / "index.md").read_text("utf-8")
    parts = []
    for section in page.split("\n## ")[1:]:
        links = [link.removesuffix(".md") for link in dict.fromkeys(_LINK.findall(section))]
        if links:
            entries = "\n".join(links)
            parts.append(f"```{{toctree}}\n:hidden:\n:caption: {section.splitlines()[0]}\n\n{entries}\n```\n")
    return "\n".join(parts)


LISTS: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (settings, tables, features, jobs, exit_codes, command, sources, api, navigation)
}


def with_lists(text: str) -> str:
    """Return the Markdown of a page with each ``<!-- generated: NAME -->`` replaced by the list of that name."""
    return MARK.sub(lambda mark: LISTS[mark[1]](), text)


def setup(app: Any) -> dict[str, Any]:
    """Register the extension. Pages with generated lists are read in every build, as the code may have changed."""

    def insert(_: Any, __: str, source: list[str]) -> None:
        source[0] = with_lists(source[0])

    def outdated(_: Any, env: Any, *__: set[str]) -> list[str]:
        docs = [(name, Path(env.doc2path(name))) for name in env.found_docs]
        return [name for name, path in docs if path.suffix == ".md" and MARK.search(path.read_text("utf-8"))]

    def join(_: Any, __: str, ___: str, ____: Any, _____: Any, lines: list[str]) -> None:
        lines[:] = joined_parameters(lines)

    app.connect("source-read", insert)
    app.connect("autodoc-process-docstring", join, priority=100)  # before numpydoc
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True}


def _allowed(json_schema: dict[str, Any]) -> str:
    """Return, as Markdown, what a setting may be: its values as code if there are few, else the words of its error."""
    if "enum" in json_schema:
        return ", ".join(f"`{toml_value(value)}`" for value in json_schema["enum"])
    return _escaped(expectation(json_schema))


def joined_parameters(lines: list[str]) -> list[str]:
    """Return the lines of a docstring with each description that begins after ``name :`` as one paragraph below it.

    numpydoc reads the rest of that line as a type, and would begin a new line in the middle of the sentence.
    """
    result: list[str] = []
    for line in lines:
        opening = _DESCRIBED.match(result[-1]) if result else None
        if opening and line.startswith(f"{opening[1]}    ") and line.strip()[0] in _CONTINUING:
            result[-1:] = [f"{opening[1]}{opening[2]}", f"{opening[1]}    {opening[3]} {line.strip()}"]
        else:
            result.append(line)
    return result


def _options(parser: argparse.ArgumentParser) -> str:
    """Return the options and arguments of a parser as a table."""
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        names = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        value = str(action.metavar or "|".join(map(str, action.choices or ()))) if action.nargs != 0 else ""
        shown = f"`{names} {value}`" if action.option_strings and value else f"`{names}`"
        rows.append((shown.replace("|", "\\|"), _escaped(action.help or "")))
    return _table(("option", "meaning"), rows)


def _load(path: Path) -> ModuleType:
    """Import a file as a module; a job's file does nothing unless it is run."""
    spec = importlib.util.spec_from_file_location(f"documented_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; the cells are Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split())


def _escaped(text: str) -> str:
    """Return plain text as Markdown, except for code in double backticks, which becomes code."""
    parts = text.split("``")
    parts[::2] = [re.sub(r"([*_<>|\[\]{}~])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
