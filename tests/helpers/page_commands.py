"""Read the commands and the Python code of the pages in ``docs/``, run them as printed, and compare what they print.

A fence ``console`` has commands after ``$ ``, each followed by its output. A fence ``python`` may be followed by a
fence ``text`` with what it prints. ``<!-- not run: REASON -->`` above a fence excludes it.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.submitted_jobs import PROJECT, job_environment

DOCS = PROJECT / "docs"
_FENCE = re.compile(r"^( *)```(console|python|text)$")
_NOT_RUN = re.compile(r"^ *<!-- not run: (.+) -->$")
_HEREDOC = re.compile(r"<<'(\w+)'")
_COPIED = ("spark-submit.sh", "jobs", "lib", "conf", "tools", "Makefile", "setup.py", "constraints.txt", "examples")
_NOISE = re.compile(r"^WARNING: Using incubator modules|^(\S+ )?\S+ WARN ")
"""Lines of the JVM and of Spark, which no page shows."""
_VARIABLE = (
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "DATE"),
    (re.compile(r"\b[0-9a-f]{10,32}\b"), "HASH"),
    (re.compile(r"\b\d+(\.\d+)? s\b"), "SECONDS"),
    (re.compile(r"\bbytes \d+"), "BYTES"),
    (re.compile(r"(?<=  )\d+\.\d  "), "SECONDS  "),
    (re.compile(r"\bseconds \d+\.\d+"), "SECONDS"),
    (re.compile(r"\b\d+\.\d MB\b"), "SIZE"),
)
_RUN_PYTHON = """
import contextlib, io, json, os, sys
outputs = []
for page in json.load(open(sys.argv[1])):
    names = {"__name__": "__main__"}
    for code in page:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            try:
                exec(code, names)
            except Exception as error:
                print(f"{type(error).__name__}: {error}")
        outputs.append(output.getvalue())
with open(sys.argv[2], "w") as file:
    json.dump(outputs, file)
os._exit(0)  # with the libraries of all pages in one process, native threads can abort the interpreter's ordinary end
"""


@dataclass(slots=True)
class Fence:
    """One fenced block of a page: its kind, its lines without indentation, and why it is not run, if it is not."""

    page: str
    line: int
    kind: str
    lines: list[str]
    indent: int = 0
    reason: str | None = None


@dataclass(slots=True)
class Step:
    """One command, or one block of Python: its page and line, and the output that the page shows below ``end``."""

    page: str
    line: int
    text: str
    end: int
    indent: int = 0
    shown: list[str] = field(default_factory=list)


def fences(text: str, page: str) -> list[Fence]:
    """Return the fenced blocks of a page that are of a kind that this module reads, in order."""
    result: list[Fence] = []
    reason, current = None, None
    for number, line in enumerate(text.split("\n"), 1):
        if current is not None:
            if line.strip() == "```":
                result.append(current)
                current = None
            else:
                current.lines.append(line[current.indent :])
        elif match := _FENCE.match(line):
            current, reason = Fence(page, number, match[2], [], len(match[1]), reason), None
        elif match := _NOT_RUN.match(line):
            reason = match[1]
        elif line.strip():
            reason = None
    return result


def commands(fence: Fence) -> list[Step]:
    """Return the commands of a ``console`` fence, each with the output that follows it."""
    steps: list[Step] = []
    is_open = False
    for number, line in enumerate(fence.lines, fence.line + 1):
        if is_open:
            steps[-1].text, steps[-1].end = f"{steps[-1].text}\n{line}", number
        elif line.startswith("$ "):
            steps.append(Step(fence.page, number, line[2:], number, fence.indent))
        elif not steps:
            raise ValueError(f"{fence.page}:{number}: found {line!r}, expected a command that begins with $ first")
        else:
            steps[-1].shown.append(line)
        text = steps[-1].text
        heredoc = _HEREDOC.search(text)
        is_open = not text.endswith(f"\n{heredoc[1]}") if heredoc else text.endswith("\\") and not steps[-1].shown
    return steps


def steps_of_page(page: str) -> tuple[list[Step], list[Step]]:
    """Return the commands of a page in ``docs/`` that are run, and its blocks of Python that are run."""
    console: list[Step] = []
    python: list[Step] = []
    above = None
    for fence in fences((DOCS / page).read_text("utf-8"), page):
        if fence.kind == "text" and above and fence.line == above.line + above.text.count("\n") + 4:
            above.end, above.shown = fence.line, fence.lines
        above = None
        if fence.kind == "console" and not fence.reason:
            console += commands(fence)
        elif fence.kind == "python" and not fence.reason:
            above = Step(page, fence.line, "\n".join(fence.lines), 0)
            python.append(above)
    return console, python


def copy_checkout(folder: Path) -> None:
    """Make ``folder`` look like a checkout after its set-up: copies of what commands need, and a link to ``.venv``."""
    for name in _COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    (folder / ".venv").symlink_to(PROJECT / ".venv")


def run_command(step: Step, folder: Path) -> list[str]:
    """Run a command in ``folder``; return the lines of its output and errors, without those that Spark itself logs."""
    done = subprocess.run(
        ["bash", "-c", step.text], cwd=folder, env=_environment(folder), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
    )  # fmt: skip
    lines = [line.strip("\ufeff").rstrip() for line in done.stdout.split("\n") if not _NOISE.match(line)]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def run_python(pages: Sequence[Sequence[str]], folder: Path) -> list[list[str]]:
    """Run blocks of Python in one process, those of a page in one namespace; return the lines that each prints."""
    (folder / "blocks.json").write_text(json.dumps(pages), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", _RUN_PYTHON, "blocks.json", "outputs.json"], cwd=folder, env=_environment(folder),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stdout[-3000:])
    return [
        [line.rstrip() for line in text.rstrip("\n").split("\n") if text]
        for text in json.loads((folder / "outputs.json").read_text())
    ]


def normalised(lines: Sequence[str]) -> list[str]:
    """Return lines of output with words for times, dates, hashes and seconds, and single spaces."""
    result = []
    for line in lines:
        for pattern, word in _VARIABLE:
            line = pattern.sub(word, line)
        result.append(" ".join(line.split()))
    return result


def with_outputs(text: str, outputs: Sequence[tuple[Step, list[str]]]) -> str:
    """Return a page with the outputs replaced; each is (step, lines that were printed)."""
    lines = text.split("\n")
    for step, printed in sorted(outputs, key=lambda output: -output[0].line):
        if step.end:
            shown = [(" " * step.indent + line).rstrip() for line in printed]
            lines[step.end : step.end + len(step.shown)] = shown
    return "\n".join(lines)


def _environment(folder: Path) -> dict[str, str]:
    variables = {"PYTHONPATH": str(folder / "lib"), "COLUMNS": "110", "SPARK_CONF_DIR": str(folder / "conf")}
    # a run prints the path of the command segue, which lies beside its Python
    python = str(folder / ".venv/bin/python")
    return job_environment() | variables | {"PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python}
