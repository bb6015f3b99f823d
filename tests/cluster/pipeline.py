"""The pipeline over the catalogue of these tests, as words for spark-submit.sh."""

from pathlib import Path

from tests.submitting import PROJECT, SHORT_LIVED

# so few points go to the driver that all others are worked on by the executors
SETTINGS = ("clustering.ks=4-7", "clustering.restarts=2", "clustering.sample=1000", "selection.fewest=4")


def words(master: str, catalogue: Path, output: str, *more: str) -> list[object]:
    """Return what submits the whole pipeline to a master."""
    small = ["--conf", "spark.executor.memory=700m", "--conf", "spark.sql.shuffle.partitions=4"]
    small += ["--conf", f"spark.executor.extraJavaOptions={SHORT_LIVED}"]
    job = [PROJECT / "jobs/run_pipeline.py", "--input", catalogue, "--output", output]
    settings = [word for setting in (*SETTINGS, *more) for word in ("--set", setting)]
    return ["--master", master, "--driver-memory", "1g", *small, *job, *settings]
