"""The pipeline over the catalogue of these tests, and upkeep, as words for the job and for spark-submit.sh."""

from pathlib import Path

from tests.helpers.submitted_jobs import PROJECT, SHORT_LIVED

# so few points go to the driver that all others are worked on by the executors
SETTINGS = ("clustering.ks=4-7", "clustering.restarts=2", "clustering.sample_size=1000", "selection.min_k=4")


def own_words(catalogue: Path | str, output: Path | str, *more: str) -> list[str]:
    """Return the pipeline's own options, some settings more among them."""
    settings = [word for setting in (*SETTINGS, *more) for word in ("--set", setting)]
    return ["--input", str(catalogue), "--output", str(output), *settings]


def words(master: str, catalogue: Path | str, output: Path | str, *more: str) -> list[object]:
    """Return what submits the whole pipeline to a master."""
    return [*_small(master), PROJECT / "jobs/run_pipeline.py", *own_words(catalogue, output, *more)]


def upkeep(master: str, output: Path | str) -> list[object]:
    """Return what submits upkeep to a master."""
    return [*_small(master), PROJECT / "jobs/maintain_tables.py", "--output", str(output)]


def _small(master: str) -> list[str]:
    small = ["--conf", "spark.executor.memory=700m", "--conf", "spark.sql.shuffle.partitions=4"]
    small += ["--conf", "spark.ui.enabled=false"]
    small += ["--conf", f"spark.executor.extraJavaOptions={SHORT_LIVED}"]
    return ["--master", master, "--driver-memory", "1g", *small]
