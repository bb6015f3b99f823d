"""Submit jobs with ``spark-submit.sh``, each in a JVM of its own, and find their processes."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SHORT_LIVED = (
    "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC "
    "-XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
) + (" -XX:+UseTransparentHugePages" if sys.platform == "linux" else "")
"""JVM options that save CPU time in a JVM that runs for minutes: only the first of its two compilers, but with the
code cache for both (a few pipelines fill the first one's default of 48 MB; the JVM then discards compiled code), the
serial collector, no bytecode verification, and huge pages, which save 7 % of a pipeline's CPU time."""
_REMOVED = ("PYTHONPATH", "PYSPARK_SUBMIT_ARGS", "SPARK_CONF_DIR", "PYSPARK_PYTHON")


def job_environment() -> dict[str, str]:
    """Return the environment for a job: with ``SHORT_LIVED``, without the variables that the tests' session sets."""
    inherited = {name: value for name, value in os.environ.items() if name not in _REMOVED}
    pythons = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    return inherited | pythons | {"SPARK_SUBMIT_OPTS": SHORT_LIVED}


def start_job(folder: Path, *args: object) -> subprocess.Popen[str]:
    """Start a job in its own process group, with its output in ``folder``/log; return its process while it runs."""
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            _command(args), cwd=folder, env=job_environment(), stdout=log, stderr=log, text=True, start_new_session=True
        )


def submit_and_wait(folder: Path, *args: object) -> subprocess.CompletedProcess[str]:
    """Run a job to its end; return the completed process, with its standard output and error in ``stdout``."""
    return subprocess.run(
        _command(args), cwd=folder, env=job_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=900, check=False,
    )  # fmt: skip


def process_tree(pid: int) -> list[int]:
    """Return the ids of a process and all its descendants, children before their parents."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            status = (path / "stat").read_text("utf-8", "replace")
        except OSError:  # the process has ended
            continue
        children.setdefault(int(status.rpartition(")")[2].split()[1]), []).append(int(path.name))
    pids = [pid]
    for each in pids:
        pids += children.get(each, [])
    return pids[::-1]


def command_line(pid: int) -> str:
    """Return the command line of a process, or an empty text if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _command(args: tuple[object, ...]) -> list[str]:
    return [str(PROJECT / "spark-submit.sh"), *map(str, args)]
