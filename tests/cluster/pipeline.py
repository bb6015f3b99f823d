"""The pipeline over the catalogue of these tests, as words for spark-submit.sh."""

from pathlib import Path

from tests.submitting import PROJECT

# so few points go to the driver that all others are worked on by the executors
SETTINGS = ("clustering.ks=4-7", "clustering.restarts=2", "clustering.sample=1000", "selection.fewest=4")


def words(master: str, catalogue: Path, output: str, *more: str) -> list[object]:
    """Return what submits the whole pipeline to a master."""
    small = ["--conf", "spark.executor.memory=700m", "--conf", "spark.sql.shuffle.partitions=4"]
    # executors live for seconds here: what starts fastest, as spark-submit.sh has it for a driver with few tracks
    small += ["--conf", "spark.executor.extraJavaOptions=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"]
    job = [PROJECT / "jobs/run_pipeline.py", "--input", catalogue, "--output", output]
    settings = [word for setting in (*SETTINGS, *more) for word in ("--set", setting)]
    return ["--master", master, "--driver-memory", "1g", *small, *job, *settings]
