"""Kill runs with SIGKILL at chosen moments, run two at once, and check the tables that they leave."""

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
from tests.helpers.submitted_jobs import command_line, process_tree, start_job
from tests.helpers.waiting import wait_for

from segue.schema import LABELED_TRACKS, RUNS

TABLES = (
    "rejected_tracks",
    "tracks",
    "layout_decisions",
    "ingested_files",
    "k_scores",
    "labeled_tracks",
    "cluster_profiles",
    "similar_tracks",
    "runs",
)
"""In the order in which the pipeline writes them."""


def kill_run_when(folder: Path, args: Sequence[object], condition: Callable[[], object]) -> bool:
    """Start a run, kill it as soon as ``condition`` is true, and return whether it was still running then."""
    run = start_job(folder, *args)
    jvm: list[int] = []

    def is_time() -> bool:
        if not jvm:
            jvm.extend(pid for pid in process_tree(run.pid) if _is_driver_jvm(pid))
        return run.poll() is not None or bool(jvm and condition())

    try:
        wait_for(is_time, "the moment to kill", seconds=300, every=0.001)
        return run.poll() is None
    finally:
        kill_run(run, *jvm)


def kill_run(run: subprocess.Popen[str], *first: int) -> None:
    """Kill a run and all its processes. Those in ``first`` are killed at once, as listing the others takes time."""
    for pids in (first, process_tree(run.pid)):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    run.wait()


def kill_while_writing(folder: Path, args: Sequence[object], table: str) -> bool:
    """Kill a run when data files of a table appear, and return whether they were left uncommitted."""
    path = folder / "out" / table
    files_before, version = data_files(path), latest_version(path)
    if not kill_run_when(folder, args, lambda: data_files(path) - files_before):
        return False
    return latest_version(path) == version and bool(data_files(path) - files_before)


def kill_after(folder: Path, args: Sequence[object], seconds: float) -> bool:
    """Kill a run ``seconds`` after its run marker appears, and return whether it was still running then."""
    markers = folder / "out" / ".running"
    old_markers = set(markers.glob("*.json"))
    started: list[float] = []

    def is_time() -> bool:
        if not started and set(markers.glob("*.json")) - old_markers:
            started.append(time.monotonic())
        return bool(started) and time.monotonic() - started[0] >= seconds

    return kill_run_when(folder, args, is_time)


def data_files(path: Path) -> set[str]:
    """Return the names of a table's data files, committed or not."""
    try:
        return {entry.name for entry in os.scandir(path) if entry.name.endswith(".parquet") and entry.name[0] != "."}
    except FileNotFoundError:
        return set()


def latest_version(path: Path) -> int:
    """Return a table's latest version, or -1 if there is no table."""
    try:
        names = [entry.name for entry in os.scandir(path / "_delta_log")]
    except FileNotFoundError:
        return -1
    return max((int(name[:20]) for name in names if name.endswith(".json") and name[:20].isdigit()), default=-1)


def table_faults(root: Path) -> list[str]:
    """Return the faults of an output: duplicate keys, nulls in required columns, incomplete models, wrong labels."""
    faults = []
    for table in (*COMPARED, RUNS):
        if latest_version(root / table.name) < 0:
            continue
        rows = DeltaTable(str(root / table.name)).to_pandas()
        if rows.duplicated(list(table.key)).any():
            faults.append(f"{table.name} has duplicate keys")
        with_nulls = [column.name for column in table.columns if column.required and rows[column.name].isna().any()]
        faults += [f"{table.name}.{name} is null in some row" for name in with_nulls]
    for card in root.glob("models/*/model.json"):
        if not (card.parent / "metadata").is_dir():
            faults.append(f"models/{card.parent.name} has a model.json, but no model")
    return faults + label_faults(root)


def label_faults(root: Path) -> list[str]:
    """Compute the nearest centres in each ``model.json`` by NumPy; return a line per model whose labels differ."""
    if latest_version(root / LABELED_TRACKS.name) < 0:
        return []
    faults = []
    for version, tracks in DeltaTable(str(root / LABELED_TRACKS.name)).to_pandas().groupby("model_version"):
        model = json.loads((root / "models" / str(version) / "model.json").read_text("utf-8"))
        low, high = (np.array(model["scaler"][end]) for end in ("minimum", "maximum"))
        points = (tracks[model["features"]].fillna(model["imputed"]).to_numpy(float) - low) / (high - low)
        distances = ((points[:, None] - np.array(model["centres_scaled"])) ** 2).sum(-1)
        n_wrong = int((distances.argmin(1) + 1 != tracks.cluster).sum())
        faults += [f"{n_wrong} labels of model {version} are not its nearest centres"] if n_wrong else []
    return faults


@dataclass(frozen=True)
class PairResult:
    """The exit codes of two concurrent runs, and the faults of the tables afterwards."""

    codes: list[int]
    faults: list[str]


def run_two_at_once(folder: Path, first: Sequence[object], second: Sequence[object]) -> PairResult:
    """Run two jobs on ``folder``/out at the same time, each started in a folder of its own."""
    runs = []
    for name, args in (("one", first), ("other", second)):
        (folder / name).mkdir()
        runs.append(start_job(folder / name, *args))
    codes = sorted(run.wait() for run in runs)
    return PairResult(codes, table_faults(folder / "out"))


def _is_driver_jvm(pid: int) -> bool:
    """Return whether a process is the driver's JVM, rather than Spark's launcher, which builds the command line."""
    program, *args = command_line(pid).split() or [""]
    return program.endswith("java") and "org.apache.spark.launcher.Main" not in args
