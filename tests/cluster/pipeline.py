"""Build the command lines of the pipeline and of the maintenance job for the tests of killed and concurrent runs."""

from pathlib import Path

from tests.helpers.submitted_jobs import PROJECT, SHORT_LIVED

# the sample for the driver is smaller than the catalogue, so that the executors do part of the clustering
SETTINGS = ("clustering.ks=4-7", "clustering.restarts=2", "clustering.sample_size=1000", "selection.min_k=4")


def job_args(catalogue: Path | str, output: Path | str, *settings: str) -> list[str]:
    """Return the options of the job ``run_pipeline``."""
    set_options = [word for setting in (*SETTINGS, *settings) for word in ("--set", setting)]
    return ["--input", str(catalogue), "--output", str(output), *set_options]


def submit_args(
    master: str, catalogue: Path | str, output: Path | str, *settings: str, job: str = "run_pipeline"
) -> list[object]:
    """Return the arguments with which ``spark-submit.sh`` runs a job, by default the pipeline, on a master."""
    return [*_spark_args(master), PROJECT / f"jobs/{job}.py", *job_args(catalogue, output, *settings)]


def maintenance_args(master: str, output: Path | str) -> list[object]:
    """Return the arguments with which ``spark-submit.sh`` runs the maintenance job on a master."""
    return [*_spark_args(master), PROJECT / "jobs/maintain_tables.py", "--output", str(output)]


def _spark_args(master: str) -> list[str]:
    confs = ["spark.executor.memory=700m", "spark.sql.shuffle.partitions=4", "spark.ui.enabled=false"]
    confs.append(f"spark.executor.extraJavaOptions={SHORT_LIVED}")
    return ["--master", master, "--driver-memory", "1g", *(word for conf in confs for word in ("--conf", conf))]
