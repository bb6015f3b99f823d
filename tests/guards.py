"""``make guards``: takes one guard out after the other, and tells whether the test that keeps it fails.

They stand in ``guards.toml``. One JSON line for each, and one of what all of them come to. The tests run on a copy.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[1]
_LEFT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "build", "*.egg-info", "out")
_FAILED = 1
"""pytest's exit code where tests ran and failed; where it could not so much as collect them it is another."""


@dataclass(frozen=True)
class Guard:
    """A piece of code that a promise depends on, and the test that fails without it."""

    what: str
    file: str
    guard: str
    test: str
    without: str = ""


def read() -> list[Guard]:
    """Return all guards."""
    return [Guard(**entry) for entry in tomllib.loads((PROJECT / "tests/guards.toml").read_text("utf-8"))["guard"]]


def taken_out(guard: Guard, text: str) -> str:
    """Return a file's text without a guard, or raise ValueError where it is not there once."""
    if text.count(guard.guard) != 1:
        raise ValueError(f"{guard.what}: {guard.file} holds its guard {text.count(guard.guard)} times, wanted once")
    return text.replace(guard.guard, guard.without)


def copy(folder: Path) -> Path:
    """Copy the project into a folder, with the same real data beside it, and return where it is."""
    copied = shutil.copytree(PROJECT, folder / "project", ignore=_LEFT)
    (copied / ".venv").symlink_to(PROJECT / ".venv")
    if (PROJECT.parent / "shared").is_dir():
        (folder / "shared").symlink_to(PROJECT.parent / "shared")
    return copied


def tried(guard: Guard, project: Path) -> dict[str, object]:
    """Take a guard out of the copy, run its test, and put it back; return what is told of it."""
    path, begun = project / guard.file, time.monotonic()
    whole = path.read_text("utf-8")
    path.write_text(taken_out(guard, whole), "utf-8")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", guard.test],
            cwd=project, env=os.environ | {"PYTHONPATH": str(project / "lib")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        path.write_text(whole, "utf-8")
    failed = re.findall(r"^(?:FAILED|ERROR) \S*::(\w+)", done.stdout, re.MULTILINE)
    return {
        "guard": guard.what,
        "failed": failed,
        "seen": done.returncode == _FAILED,
        "code": done.returncode,
        "seconds": round(time.monotonic() - begun),
    }


def main() -> int:
    """Take out all guards, or those that are named by a part, and return 0 where every test failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="of what a guard does or of its test's name")
    parts = parser.parse_args().parts
    chosen = [each for each in read() if not parts or any(part in each.what + each.test for part in parts)]
    with tempfile.TemporaryDirectory() as folder:
        project, seen = copy(Path(folder)), 0
        for guard in chosen:
            told = tried(guard, project)
            print(json.dumps(told), flush=True)
            seen += bool(told["seen"])
    print(json.dumps({"summary": {"guards": len(chosen), "seen_to_fail": seen}}), flush=True)
    return 0 if chosen and seen == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
