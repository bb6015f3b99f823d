"""Remove one guard after another from a copy of the project, and check that its tests fail: ``make guards``.

A guard is a statement that is marked by a comment ``# guard: NAME`` above it or at the end of its first line (``//``
where a file's comments begin so). ``# guard: NAME -> CODE`` replaces the statement by CODE, which may continue on
``# -> CODE`` lines below; without CODE the statement is removed. CODE that ends with a colon replaces the header of a
compound statement and leaves its body. A line that begins no statement (an argument, a line of a shell script) is
replaced or removed alone.

The tests that fail without a guard are marked ``@pytest.mark.guard("NAME")``, or by ``pytestmark`` for a whole
file. Prints one JSON line per guard and a summary.
"""

import argparse
import ast
import json
import keyword
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
_SCANNED = ("lib", "jobs", "tools", "conf", "spark-submit.sh", "Makefile", "setup.py")
_SUFFIXES = {".py", ".sh", ".js", ".toml", ".conf", ""}
_MARK = re.compile(r"(?:#|//) guard: (?P<name>\S+)(?: -> (?P<code>.*))?$")
_MORE_CODE = re.compile(r"\s*(?:#|//) -> (.*)$")
_NO_CODE = re.compile(r"\s*(?:#|//|$)")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "build", "*.egg-info", "out"
)
_FAILED = 1
"""pytest's exit code if tests ran and some failed; if it cannot collect the tests, it exits with another code."""


@dataclass(frozen=True)
class Guard:
    """A marked statement: ``line`` is the index of its first line, ``code`` the lines that replace it."""

    name: str
    file: str
    line: int
    code: tuple[str, ...] = ()


def read() -> list[Guard]:
    """Return all guards of the project."""
    return [guard for file, text in _files() for guard in read_text(file, text)]


def read_text(file: str, text: str) -> list[Guard]:
    """Return the guards that are marked in a file's text."""
    lines, guards = text.split("\n"), []
    for index, line in enumerate(lines):
        mark = _MARK.search(line)
        if mark is None:
            continue
        code, target = [mark["code"]] if mark["code"] else [], index
        if not line[: mark.start()].strip():
            target += 1
            while target < len(lines) and (more := _MORE_CODE.match(lines[target])):
                code.append(more[1])
                target += 1
            while target < len(lines) - 1 and _NO_CODE.match(lines[target]):
                target += 1
        guards.append(Guard(mark["name"], file, target, tuple(code)))
    return guards


def remove(guard: Guard, text: str) -> str:
    """Return a file's text without a guard. Raises SyntaxError if the result does not parse."""
    lines, code, end = text.split("\n"), list(guard.code), guard.line + 1
    is_python = guard.file.endswith(".py")
    node = _node_at(text, guard.line + 1) if is_python else None
    if node is not None:
        is_header = bool(code) and code[-1].endswith(":") and hasattr(node, "body")
        end = node.body[0].lineno - 1 if is_header else node.end_lineno
        if not code and isinstance(node, ast.stmt):
            code = ["pass"]
    indent = lines[guard.line][: len(lines[guard.line]) - len(lines[guard.line].lstrip())]
    changed = "\n".join([*lines[: guard.line], *(indent + line for line in code), *lines[end:]])
    if is_python:
        ast.parse(changed)
    return changed


def unknown_names(guard: Guard, text: str) -> set[str]:
    """Return the names in a guard's replacement that its function no longer has, as after a renaming.

    Without this check the replaced code would fail any test, with a NameError.
    """
    if not guard.file.endswith(".py"):
        return set()
    lines, line = text.split("\n"), guard.line + 1
    functions = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    body = lines[functions[-1].lineno - 1 : functions[-1].end_lineno] if functions else lines
    names = {word for each in body if not _NO_CODE.match(each) for word in re.findall(r"\w+", each)}
    return {word for each in guard.code for word in re.findall(r"[^\W\d]\w*", each)} - names - set(keyword.kwlist)


def tests_by_guard() -> dict[str, list[str]]:
    """Return the ids of the tests that are marked with each guard's name, without importing them."""
    tests: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((PROJECT / "tests").rglob("*.py")):
        file = path.relative_to(PROJECT).as_posix()
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                for name in _marks(*node.decorator_list):
                    tests[name].append(f"{file}::{node.name}")
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
                for name in _marks(node.value):
                    tests[name].append(file)
    return dict(tests)


def problems(guards: list[Guard], tests: dict[str, list[str]]) -> list[str]:
    """Return what is wrong with the names of guards and tests, one line each."""
    names = Counter(guard.name for guard in guards)
    return [
        *(f"guard {name}: not a name of lower-case words joined by '-'" for name in names if not _NAME.fullmatch(name)),
        *(f"guard {name}: marked {count} times, expected once" for name, count in names.items() if count > 1),
        *(
            f"guard {guard.name} ({guard.file}:{guard.line + 1}): no test is marked @pytest.mark.guard({guard.name!r})"
            for guard in guards
            if guard.name not in tests
        ),
        *(f"{test}: no guard {name} in the code" for name in tests if name not in names for test in tests[name]),
    ]


def copy(folder: Path) -> Path:
    """Copy the project into a folder, link the real data beside it, and return the copy's path."""
    copied = shutil.copytree(PROJECT, folder / "project", ignore=_NOT_COPIED)
    (copied / ".venv").symlink_to(PROJECT / ".venv")
    if (PROJECT.parent / "shared").is_dir():
        (folder / "shared").symlink_to(PROJECT.parent / "shared")
    return copied


def run_without(guard: Guard, tests: list[str], project: Path) -> dict[str, object]:
    """Remove a guard from the copy, run its tests until one fails, and restore the file."""
    path, started = project / guard.file, time.monotonic()
    text = path.read_text("utf-8")
    path.write_text(remove(guard, text), "utf-8")
    try:
        pytest = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
            cwd=project, env=os.environ | {"PYTHONPATH": str(project / "lib")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        path.write_text(text, "utf-8")
    return {
        "guard": guard.name,
        "failed": re.findall(r"^(?:FAILED|ERROR) \S*::(\w+)", pytest.stdout, re.MULTILINE),
        "detected": pytest.returncode == _FAILED,
        "code": pytest.returncode,
        "seconds": round(time.monotonic() - started),
    }


def main() -> int:
    """Run the tests without each guard, or each that a PART selects, and return 0 if every removal is detected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="part of a guard's name, of its file, or of its test")
    parts = parser.parse_args().parts
    guards, tests = read(), tests_by_guard()
    if faults := problems(guards, tests):
        print(*faults, sep="\n", file=sys.stderr)
        return 2
    texts = {guard: " ".join([guard.name, guard.file, *tests[guard.name]]) for guard in guards}
    chosen = [guard for guard in guards if not parts or any(part in texts[guard] for part in parts)]
    with tempfile.TemporaryDirectory() as folder:
        project, n_detected = copy(Path(folder)), 0
        for guard in chosen:
            result = run_without(guard, tests[guard.name], project)
            print(json.dumps(result), flush=True)
            n_detected += bool(result["detected"])
    print(json.dumps({"summary": {"guards": len(chosen), "detected": n_detected}}), flush=True)
    return 0 if chosen and n_detected == len(chosen) else 1


def _files() -> Iterator[tuple[str, str]]:
    for top in (PROJECT / name for name in _SCANNED):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and path.suffix in _SUFFIXES:
                yield path.relative_to(PROJECT).as_posix(), path.read_text("utf-8")


def _node_at(text: str, line: int) -> ast.stmt | ast.ExceptHandler | None:
    """Return the outermost statement or ``except`` clause that begins on a line, or None."""
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt | ast.ExceptHandler))
    return next((node for node in nodes if node.lineno == line), None)


def _marks(*nodes: ast.expr) -> list[str]:
    """Return the names in all ``pytest.mark.guard(...)`` of some expressions."""
    calls = [call for node in nodes for call in ast.walk(node) if isinstance(call, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == "pytest.mark.guard"]
    return [ast.literal_eval(name) for mark in marks for name in mark.args]


if __name__ == "__main__":
    sys.exit(main())
