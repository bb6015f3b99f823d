"""Nights on a disk that fills up, then on one that is read-only; told as JSON. To be run where it may mount a disk:

unshare --user --map-root-user --mount python -m tests.helpers.full_disk FOLDER
"""

import contextlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from pyspark.sql import SparkSession
from tests.conftest import started
from tests.helpers.output_differences import COMPARED, differences
from tests.helpers.small_files import as_csv, track

from segue.pipeline import run_all
from segue.runtime import runner
from segue.storage import commit_log

QUICK = ["--set", "clustering.ks=2-3", "--set", "clustering.restarts=1", "--set", "selection.min_k=2"]
AMPLE, PAGE = 64 << 20, 4096
FIRST = [track(n, artists=f"A{n}", valence=f"0.{n}1") for n in range(8)]
LATER = [track(n, artists=f"A{n}", valence=f"0.{n}1") for n in range(20, 28)]


def remount(disk: Path, options: str) -> None:
    """Change the disk while it is in use."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def n_rows(root: Path) -> dict[str, int]:
    """Return the rows of every table, read by another reader than Spark."""
    there = [table.name for table in COMPARED if commit_log.latest_version(str(root / table.name)) is not None]
    return {name: len(DeltaTable(str(root / name)).to_pandas()) for name in there}


def night(spark: SparkSession, folder: Path, out: Path) -> dict[str, Any]:
    """Run the pipeline; return its exit code, what it told, and what the tables hold afterwards."""
    words = ["--input", str(folder / "in"), "--output", str(out), *QUICK]
    with contextlib.redirect_stderr(io.StringIO()) as told:
        code = runner.execute(run_all.JOB, words, start=lambda _: spark)
    return {"code": code, "told": told.getvalue(), "rows": n_rows(out)}


def main(folder: Path) -> dict[str, Any]:
    """Fill the disk up while new tracks arrive, each time a little later, until there is room and a night completes."""
    disk, undisturbed = folder / "disk", folder / "undisturbed"
    disk.mkdir()
    (folder / "in").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={AMPLE}", "segue", str(disk)], check=True)
    out = disk / "out"
    with started() as spark:
        (folder / "in" / "one.csv").write_text(as_csv(FIRST), "utf-8")
        before = night(spark, folder, undisturbed)
        shutil.copytree(undisturbed, out)
        (folder / "in" / "two.csv").write_text(as_csv(LATER), "utf-8")
        after = night(spark, folder, undisturbed)
        remount(disk, "ro")
        read_only = night(spark, folder, out)
        remount(disk, "rw")
        full, room = [], 0
        while not full or full[-1]["code"]:
            remount(disk, f"size={shutil.disk_usage(disk).used + room}")
            full.append(night(spark, folder, out))
            room = 16 * room or PAGE
    found = {"before": before, "after": after, "read_only": read_only, "full": full}
    return found | {"differences": differences(undisturbed, out)}


if __name__ == "__main__":
    where = Path(sys.argv[1])
    (where / "told.json").write_text(json.dumps(main(where)), "utf-8")
