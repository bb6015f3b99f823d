"""How much memory a process and all that it started take at most, from Linux's /proc."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
JVM, WORKER, DRIVER = "jvm", "python worker", "python driver"
KB = 1024


class Seen(NamedTuple):
    """One process at one moment."""

    kind: str
    resident: int
    """Kilobytes now."""
    peak: int
    """Kilobytes at most, by the kernel's own count, so that no moment between two looks is missed."""


Timed = Callable[[list[str], Path, float], tuple[float, dict[str, float]]]
"""What ``run`` is: tests put something quicker in its place."""


def run(command: list[str], log: Path, every: float) -> tuple[float, dict[str, float]]:
    """Run a command to its end; return its seconds, and the memory its processes took at most."""
    begun = time.monotonic()
    with log.open("ab") as stream, subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT) as child:
        peaks = watch(child, every)
    if child.returncode:
        raise SystemExit(f"exit code {child.returncode}, wanted 0: {' '.join(command)}; its output is in {log}")
    return time.monotonic() - begun, peaks


def watch(child: subprocess.Popen[bytes], every: float) -> dict[str, float]:
    """Wait for a process to end, and return the peak resident megabytes by kind of process.

    ``jvm``, ``python driver`` and ``python worker`` are each of the largest process of its kind; ``python workers`` and
    ``all`` are sums over processes at one moment, in which memory that forked workers share counts more than once.
    """
    peaks: dict[str, float] = {}
    while True:
        seen = [found for pid in family(child.pid) if (found := look(pid))]
        workers = sum(one.resident for one in seen if one.kind == WORKER)
        # a JVM about to start a command is two processes with one memory for a moment
        jvm = max((one.resident for one in seen if one.kind == JVM), default=0)
        python = sum(one.resident for one in seen if one.kind != JVM)
        now = [(one.kind, one.peak) for one in seen]
        now += [("python workers", workers), ("all", jvm + python)]
        for kind, kilobytes in now:
            peaks[kind] = max(peaks.get(kind, 0.0), round(kilobytes / KB, 1))
        try:
            child.wait(every)
            return peaks
        except subprocess.TimeoutExpired:
            continue


def family(root: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:  # grows on the way
        found += children.get(pid, [])
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (text := _read(folder / "stat")):
            # a name may hold blanks and brackets: what counts stands behind its last bracket
            yield int(folder.name), int(text.rpartition(")")[2].split()[1])


def look(pid: int) -> Seen | None:
    """Return what a process takes, or None where it is gone or none of Spark's."""
    words = _read(PROC / str(pid) / "cmdline").split("\0")
    status = dict(line.split(":", 1) for line in _read(PROC / str(pid) / "status").splitlines() if ":" in line)
    kind = _kind(words)
    if kind is None or "VmRSS" not in status:
        return None
    return Seen(kind, *(int(status[name].split()[0]) for name in ("VmRSS", "VmHWM")))


def _kind(words: list[str]) -> str | None:
    program = Path(words[0]).name
    if program == "java":
        return JVM
    if not program.startswith("python"):
        return None
    return WORKER if {"pyspark.daemon", "pyspark.worker"} & set(words) else DRIVER


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:  # it has ended meanwhile
        return ""
