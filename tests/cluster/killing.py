"""Runs that are killed with SIGKILL, at moments that are chosen by watching the output from outside."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from deltalake import DeltaTable
from tests.helpers.output_differences import COMPARED
from tests.helpers.submitted_jobs import begin, command_of, family
from tests.helpers.waiting import until

from segue.schema import LABELED_TRACKS, RUNS

TABLES = (
    "rejected_tracks",
    "tracks",
    "ingested_files",
    "k_scores",
    "labeled_tracks",
    "cluster_profiles",
    "similar_tracks",
    "runs",
)
"""In the order in which the pipeline writes them."""


def killed_when(folder: Path, words: Sequence[object], moment: Callable[[], object]) -> bool:
    """Start a run, and kill it at once when the moment has come; tell whether it had not ended before."""
    run = begin(folder, *words)
    jvm: list[int] = []

    def has_come() -> bool:
        if not jvm:
            jvm.extend(pid for pid in family(run.pid) if _commits(pid))
        return run.poll() is not None or bool(jvm and moment())

    try:
        until(has_come, "the moment to kill", seconds=300, every=0.001)
        return run.poll() is None
    finally:
        kill(run, *jvm)


def kill(run: subprocess.Popen[str], *first: int) -> None:
    """Kill a run and all its processes, some of them before all others are so much as looked for."""
    for pids in (first, family(run.pid)):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    run.wait()


def _commits(pid: int) -> bool:
    """Tell whether a process is the driver's JVM, and not the one that only makes up its command line."""
    program, *words = command_of(pid).split() or [""]
    return program.endswith("java") and "org.apache.spark.launcher.Main" not in words


def killed_while_writing(folder: Path, words: Sequence[object], table: str) -> bool:
    """Kill a run when data files of a table appear, and tell whether the log proves that they were not committed."""
    path = folder / "out" / table
    before, version = data_files(path), newest(path)
    if not killed_when(folder, words, lambda: data_files(path) - before):
        return False
    return newest(path) == version and bool(data_files(path) - before)


def killed_after(folder: Path, words: Sequence[object], seconds: float) -> bool:
    """Kill a run some time after it has begun to work."""
    notes = folder / "out" / ".running"
    old = set(notes.glob("*.json"))
    begun: list[float] = []

    def moment() -> bool:
        if not begun and set(notes.glob("*.json")) - old:
            begun.append(time.monotonic())
        return bool(begun) and time.monotonic() - begun[0] >= seconds

    return killed_when(folder, words, moment)


def data_files(path: Path) -> set[str]:
    """Return the names of a table's data files, committed or not."""
    try:
        return {entry.name for entry in os.scandir(path) if entry.name.endswith(".parquet") and entry.name[0] != "."}
    except FileNotFoundError:
        return set()


def newest(path: Path) -> int:
    """Return a table's version, -1 where it has none."""
    try:
        names = [entry.name for entry in os.scandir(path / "_delta_log")]
    except FileNotFoundError:
        return -1
    return max((int(name[:20]) for name in names if name.endswith(".json") and name[:20].isdigit()), default=-1)


def torn(root: Path) -> list[str]:
    """Return what is wrong with the tables as they are now: a table that cannot be read, or holds a key twice."""
    found = []
    for table in (*COMPARED, RUNS):
        if newest(root / table.name) < 0:
            continue
        rows = DeltaTable(str(root / table.name)).to_pandas()
        if rows.duplicated(list(table.key)).any():
            found.append(f"{table.name} holds a key twice")
        lacking = [c.name for c in table.columns if c.required and rows[c.name].isna().any()]
        found += [f"{table.name}.{name} is empty in some row" for name in lacking]
    for card in root.glob("models/*/model.json"):
        if not (card.parent / "metadata").is_dir():
            found.append(f"{card.parent.name} has a card and no model")
    return found + mislabeled(root)


def mislabeled(root: Path) -> list[str]:
    """Return what the labels are that are not those of the model that they name, by NumPy and ``model.json`` alone."""
    if newest(root / LABELED_TRACKS.name) < 0:
        return []
    found = []
    for version, tracks in DeltaTable(str(root / LABELED_TRACKS.name)).to_pandas().groupby("model_version"):
        model = json.loads((root / "models" / str(version) / "model.json").read_text("utf-8"))
        low, high = (np.array(model["scaler"][end]) for end in ("minimum", "maximum"))
        points = (tracks[model["features"]].fillna(model["imputed"]).to_numpy(float) - low) / (high - low)
        gaps = ((points[:, None] - np.array(model["centres_scaled"])) ** 2).sum(-1)
        wrong = int((gaps.argmin(1) + 1 != tracks.cluster).sum())
        found += [f"{wrong} labels of {version} are not its"] if wrong else []
    return found


@dataclass(frozen=True)
class Together:
    """How two runs ended that were started together on one output."""

    codes: list[int]
    torn: list[str]


def two_at_once(folder: Path, one: Sequence[object], other: Sequence[object]) -> Together:
    """Start two runs together, each from a folder of its own, on ``folder``/out, and wait for both."""
    runs = []
    for name, words in (("one", one), ("other", other)):
        (folder / name).mkdir()
        runs.append(begin(folder / name, *words))
    codes = sorted(run.wait() for run in runs)
    return Together(codes, torn(folder / "out"))
