"""Jobs submitted as users submit them, in a JVM of their own."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SHORT_LIVED = (
    "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC "
    "-XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
) + (" -XX:+UseTransparentHugePages" if sys.platform == "linux" else "")
"""What costs a JVM least that lives for minutes: the first compiler alone, with the room that both would have (a few
pipelines fill its own 48 MB, and it begins to forget), the plainest collector, classes believed, which come
from jars that others verify every day, and huge pages, which spare a fourteenth of a pipeline's CPU."""
_HIDDEN = ("PYTHONPATH", "PYSPARK_SUBMIT_ARGS", "SPARK_CONF_DIR", "PYSPARK_PYTHON")


def environment() -> dict[str, str]:
    """Return the environment without what the tests' own Spark has set in it."""
    kept = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    pythons = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    return kept | pythons | {"SPARK_SUBMIT_OPTS": SHORT_LIVED}


def begin(folder: Path, *words: object) -> subprocess.Popen[str]:
    """Start a job in a process group of its own, its output in ``folder``/log; the caller waits for it, or ends it."""
    command = [str(PROJECT / "spark-submit.sh"), *map(str, words)]
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=log, stderr=log, text=True, start_new_session=True
        )


def submit(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a job to its end."""
    command = [str(PROJECT / "spark-submit.sh"), *map(str, words)]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )


def told(done: subprocess.CompletedProcess[str]) -> str:
    """Return all that was printed: spark-submit leads the errors of Python to its standard output."""
    return done.stdout + done.stderr


def family(pid: int) -> list[int]:
    """Return a process and all below it, children first."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            status = (path / "stat").read_text("utf-8", "replace")
        except OSError:  # it has ended
            continue
        parents.setdefault(int(status.rpartition(")")[2].split()[1]), []).append(int(path.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found[::-1]


def command_of(pid: int) -> str:
    """Return the command line of a process, or nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""
