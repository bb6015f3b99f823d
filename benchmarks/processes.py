"""Measure the memory of a process and of all its descendants, from Linux's ``/proc``."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
JVM, WORKER, DRIVER = "jvm", "python worker", "python driver"
KB = 1024


class ProcessMemory(NamedTuple):
    """The memory of one JVM or Python process."""

    kind: str
    resident: int
    """Kilobytes now (VmRSS)."""
    peak: int
    """Maximal kilobytes since the process began (VmHWM), which includes peaks between two readings."""


RunCommand = Callable[[list[str], Path, float], tuple[float, dict[str, float]]]
"""The signature of ``run_command``, which tests replace."""


def run_command(command: list[str], log: Path, every: float) -> tuple[float, dict[str, float]]:
    """Run a command; return its seconds and its ``peak_memory``. Raises SystemExit if the command fails."""
    started = time.monotonic()
    with log.open("ab") as stream, subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT) as child:
        peaks = peak_memory(child, every)
    if child.returncode:
        raise SystemExit(f"exit code {child.returncode}, expected 0: {' '.join(command)}; its output is in {log}")
    return time.monotonic() - started, peaks


def peak_memory(child: subprocess.Popen[bytes], every: float) -> dict[str, float]:
    """Wait for a process to end; return peak resident megabytes by kind of process, read every ``every`` seconds.

    ``jvm``, ``python driver`` and ``python worker`` are of the largest single process of that kind. ``python workers``
    and ``all`` are sums over the processes of one reading, in which memory that forked workers share counts repeatedly.
    """
    peaks: dict[str, float] = {}
    while True:
        for kind, kilobytes in _by_kind(tree_memory(child.pid)):
            peaks[kind] = max(peaks.get(kind, 0.0), round(kilobytes / KB, 1))
        try:
            child.wait(every)
            return peaks
        except subprocess.TimeoutExpired:
            continue


def tree_memory(root: int) -> list[ProcessMemory]:
    """Return the memory of the JVM and Python processes among a process and its descendants."""
    return [memory for pid in process_tree(root) if (memory := read_memory(pid))]


def process_tree(root: int) -> list[int]:
    """Return the ids of a process and of all its descendants, parents first."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    pids = [root]
    for pid in pids:  # the list grows while it is read
        pids += children.get(pid, [])
    return pids


def read_memory(pid: int) -> ProcessMemory | None:
    """Return the memory of a process, or None if it has ended or is neither a JVM nor Python."""
    kind = _kind(_read(PROC / str(pid) / "cmdline").split("\0"))
    status = dict(line.split(":", 1) for line in _read(PROC / str(pid) / "status").splitlines() if ":" in line)
    if kind is None or "VmRSS" not in status:
        return None
    return ProcessMemory(kind, *(int(status[name].split()[0]) for name in ("VmRSS", "VmHWM")))


def resident_total(processes: list[ProcessMemory]) -> int:
    """Return the resident kilobytes of all processes of one reading.

    Only the largest JVM counts: while a JVM starts a command, it is briefly two processes that share their memory.
    """
    jvm = max((process.resident for process in processes if process.kind == JVM), default=0)
    return jvm + sum(process.resident for process in processes if process.kind != JVM)


def _by_kind(processes: list[ProcessMemory]) -> list[tuple[str, int]]:
    """Return the (kind, kilobytes) of one reading, whose maximum over all readings ``peak_memory`` returns."""
    workers = sum(process.resident for process in processes if process.kind == WORKER)
    single = [(process.kind, process.peak) for process in processes]
    return [*single, ("python workers", workers), ("all", resident_total(processes))]


def _parents() -> Iterator[tuple[int, int]]:
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (text := _read(folder / "stat")):
            # the process name in brackets may contain blanks and brackets itself
            yield int(folder.name), int(text.rpartition(")")[2].split()[1])


def _kind(command: list[str]) -> str | None:
    program = Path(command[0]).name
    if program == "java":
        return JVM
    if not program.startswith("python"):
        return None
    return WORKER if {"pyspark.daemon", "pyspark.worker"} & set(command) else DRIVER


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:  # the process has ended
        return ""
