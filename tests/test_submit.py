"""The packaged library, submitted as the README says, from another folder and in a JVM of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
CSV = "id,name,artists,tempo,loudness,liveness,valence,acousticness,speechiness\n" + "".join(
    f"x{n}y,Song {n},A,{90 + n},{-n}.5,0.{n}1,0.5{n},0.2{n},0.0{n}\n" for n in range(1, 9)
)


def submit(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    hidden = ("PYTHONPATH", "PYSPARK_SUBMIT_ARGS", "SPARK_CONF_DIR", "PYSPARK_PYTHON")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    command = [str(PROJECT / "spark-submit.sh"), *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def told(done: subprocess.CompletedProcess[str]) -> str:
    """Return all that was printed: spark-submit leads the errors of Python to its standard output."""
    return done.stdout + done.stderr


@pytest.fixture(scope="module", autouse=True)
def spark_at_hand():
    if not (PROJECT / ".venv").is_dir() and "SPARK_HOME" not in os.environ:
        pytest.skip("no .venv in the project: make setup makes it")
    if shutil.which("bash") is None:
        pytest.skip("no bash")


@pytest.mark.jvm
def test_a_pipeline_from_another_folder_with_relative_paths(tmp_path):
    (tmp_path / "tracks.csv").write_text(CSV, "utf-8")
    settings = ["--set", "clustering.ks=2-3", "--set", "clustering.restarts=1"]
    words = ["--master", "local[2]", "jobs/run_pipeline.py", "--input", "tracks.csv", "--output", "out", *settings]
    done = submit(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "clusters of 8 tracks" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "tracks.csv"]
    (path,) = (tmp_path / "out" / "models").glob("*/model.json")
    assert json.loads(path.read_text("utf-8"))["n_tracks"] == 8


@pytest.mark.jvm
def test_exit_codes_pass_through(tmp_path):
    wrong = submit(tmp_path, "jobs/train_clusters.py", "--output", "out", "--set", "clustering.ks=9-4")
    assert wrong.returncode == 2
    assert "clustering.ks is '9-4'" in told(wrong)
    missing = submit(tmp_path, "jobs/ingest_tracks.py", "--input", "none.csv", "--output", "out")
    assert missing.returncode == 3
    errors = [line for line in told(missing).splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "none.csv" in errors[0]
    assert "Traceback" not in told(missing)
