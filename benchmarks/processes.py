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
    """Resident kilobytes now (VmRSS)."""
    peak: int
    """Maximum resident kilobytes since the process began (VmHWM)."""


RunCommand = Callable[[list[str], Path, float], tuple[float, dict[str, float]]]
"""The type of ``run_command``: (command line, log file, interval in seconds) -> (seconds, peak megabytes by kind)."""


def run_command(command: list[str], log: Path, every: float) -> tuple[float, dict[str, float]]:
    """Run a command; return its seconds, and the result of ``peak_memory``. Raises SystemExit if the command fails.

    The output is appended to the file ``log``. The memory is read every ``every`` seconds.
    """
    started = time.monotonic()
    with log.open("ab") as stream, subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT) as child:
        peaks = peak_memory(child, every)
    if child.returncode:
        raise SystemExit(f"exit code {child.returncode}, expected 0: {' '.join(command)}; its output is in {log}")
    return time.monotonic() - started, peaks


def peak_memory(child: subprocess.Popen[bytes], every: float) -> dict[str, float]:
    """Wait for a process to end; return peak resident megabytes of it and its descendants, by kind.

    ``jvm``, ``python driver`` and ``python worker`` have the peak of the largest single process of this kind. ``python
    workers`` and ``all`` have the largest total of simultaneous processes. Memory shared by workers is counted for each
    of them. The memory is read every ``every`` seconds.
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
    """Return the memory of a process and its descendants. Only JVM and Python processes are included."""
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
    """Return the total resident kilobytes of simultaneous processes.

    Of several JVMs only the largest counts: a JVM that starts a command is briefly two processes with shared memory.
    """
    jvm = max((process.resident for process in processes if process.kind == JVM), default=0)
    return jvm + sum(process.resident for process in processes if process.kind != JVM)


def _by_kind(processes: list[ProcessMemory]) -> list[tuple[str, int]]:
    """Return pairs of kind and kilobytes: one for each process, one for all workers, and one for all processes."""
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
