"""Run the pipeline on a full and on a read-only disk, and write the results as JSON to FOLDER/result.json.

The disk is a tmpfs, which needs the right to mount. A user has it in a namespace:

unshare --user --map-root-user --mount python -m tests.helpers.full_disk FOLDER
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from pyspark.sql import SparkSession
from tests.conftest import spark_session
from tests.helpers.output_differences import COMPARED, differences
from tests.helpers.small_files import as_csv, track

from segue.pipeline import run_all
from segue.runtime import runner
from segue.storage import commit_log
from segue.storage.files import Files

QUICK = ["--set", "clustering.ks=2-3", "--set", "clustering.restarts=1", "--set", "selection.min_k=2"]
DISK_BYTES, PAGE_BYTES = 64 << 20, 4096
FIRST = [track(n, artists=f"A{n}", valence=f"0.{n}1") for n in range(8)]
LATER = [track(n, artists=f"A{n}", valence=f"0.{n}1") for n in range(20, 28)]


def remount(disk: Path, options: str) -> None:
    """Change the mount options of the disk while it is in use."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def count_rows(root: Path) -> dict[str, int]:
    """Return the number of rows of every table, read without Spark."""
    names = [table.name for table in COMPARED if commit_log.latest_version(Files(), str(root / table.name)) is not None]
    return {name: len(DeltaTable(str(root / name)).to_pandas()) for name in names}


def run_pipeline(spark: SparkSession, folder: Path, out: Path) -> dict[str, Any]:
    """Run the pipeline; return its exit code, its messages, and the number of rows of each table afterwards."""
    args = ["--input", str(folder / "in"), "--output", str(out), *QUICK]
    with contextlib.redirect_stderr(io.StringIO()) as stderr:
        code = runner.execute(run_all.JOB, args, start=lambda _: spark)
    return {"code": code, "stderr": stderr.getvalue(), "rows": count_rows(out)}


def main(folder: Path) -> dict[str, Any]:
    """Run the pipeline on a read-only disk, and on a full disk with more and more free space until a run completes.

    Returns a dict of results, see ``run_pipeline``:

    * ``before`` and ``after``: runs on an ordinary disk, with the input ``FIRST``, and after ``LATER`` was added
    * ``read_only``: a run on a copy of the output ``before`` on a read-only disk, after ``LATER`` was added
    * ``full``: a list of runs on the same copy, on a full disk, of which only the last completes
    * ``differences`` between the outputs on both disks at the end
    """
    disk, undisturbed = folder / "disk", folder / "undisturbed"
    disk.mkdir()
    (folder / "in").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "segue", str(disk)], check=True)
    out = disk / "out"
    with spark_session() as spark:
        (folder / "in" / "one.csv").write_text(as_csv(FIRST), "utf-8")
        before = run_pipeline(spark, folder, undisturbed)
        shutil.copytree(undisturbed, out)
        (folder / "in" / "two.csv").write_text(as_csv(LATER), "utf-8")
        after = run_pipeline(spark, folder, undisturbed)
        remount(disk, "ro")
        read_only = run_pipeline(spark, folder, out)
        remount(disk, "rw")
        full, free_bytes = [], 0
        while not full or full[-1]["code"]:
            remount(disk, f"size={shutil.disk_usage(disk).used + free_bytes}")
            full.append(run_pipeline(spark, folder, out))
            free_bytes = 16 * free_bytes or PAGE_BYTES
    results = {"before": before, "after": after, "read_only": read_only, "full": full}
    return results | {"differences": differences(undisturbed, out)}


if __name__ == "__main__":
    root = Path(sys.argv[1])
    (root / "result.json").write_text(json.dumps(main(root)), "utf-8")
    # at an ordinary exit Arrow's threads may still hold Python objects after DeltaTable.to_pandas; rarely, on a busy
    # machine, this aborts the process (apache/arrow issue 34314, delta-io/delta-rs issue 2184)
    os._exit(0)
