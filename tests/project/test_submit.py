"""The packaged library, submitted as the README says, from another folder and in a JVM of its own."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from deltalake import DeltaTable
from tests.helpers.submitted_jobs import PROJECT, begin, environment, family, submit, told
from tests.helpers.waiting import until

CSV = "id,name,artists,tempo,loudness,liveness,valence,acousticness,speechiness\n" + "".join(
    f"x{n}y,Song {n},A,{90 + n},{-n}.5,0.{n}1,0.5{n},0.2{n},0.0{n}\n" for n in range(1, 9)
)


@pytest.fixture(scope="module", autouse=True)
def spark_at_hand():
    if not (PROJECT / ".venv").is_dir() and "SPARK_HOME" not in os.environ:
        pytest.skip("no .venv in the project: make setup makes it")
    if shutil.which("bash") is None:
        pytest.skip("no bash")


@pytest.mark.jvm
def test_exit_codes_pass_through(tmp_path):
    wrong = submit(tmp_path, "jobs/train_clusters.py", "--output", "out", "--set", "clustering.ks=9-4")
    assert wrong.returncode == 2
    assert "clustering.ks is '9-4'" in told(wrong)
    errors = [line for line in told(wrong).splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "Traceback" not in told(wrong)


@pytest.mark.jvm
def test_a_failure_is_told_in_one_line_and_by_its_exit_code(tmp_path):
    missing = submit(tmp_path, "jobs/run_pipeline.py", "--input", "none.csv", "--output", "out")
    assert missing.returncode == 3
    # of itself the JVM tells, Spark nothing
    lines = [line for line in told(missing).splitlines() if not line.startswith("WARNING: Using incubator modules")]
    path = f"file:{tmp_path}/none.csv"
    assert lines == [f"error: cannot read --input none.csv: Path does not exist: {path}"]


@pytest.mark.guard("signal-passed-to-job", "signal-recorded-as-interrupted")
@pytest.mark.jvm
@pytest.mark.parametrize(
    ("number", "shown"),
    [(signal.SIGTERM, "tracks/_delta_log/*.json"), (signal.SIGINT, ".running/*.json")],
    ids=["SIGTERM once there are tracks", "SIGINT once a run has begun"],
)
def test_a_signal_ends_a_run_with_a_record_that_says_so(number, shown, tmp_path):
    (tmp_path / "tracks.csv").write_text(CSV, "utf-8")
    run = begin(tmp_path, "--master", "local[2]", "jobs/run_pipeline.py", "--input", "tracks.csv", "--output", "out")
    until(lambda: list((tmp_path / "out").glob(shown)), shown)
    below = family(run.pid)
    # a terminal's Ctrl-C goes to the whole group, an operator's kill to the one process
    (os.killpg if number == signal.SIGINT else os.kill)(run.pid, number)
    assert run.wait(60) == 128 + number, (tmp_path / "log").read_text("utf-8")[-3000:]
    log = (tmp_path / "log").read_text("utf-8")
    assert [line for line in log.splitlines() if "error:" in line] == [f"error: {number.name} asked the run to end"]
    assert "Traceback" not in log
    (row,) = DeltaTable(str(tmp_path / "out" / "runs")).to_pandas().itertuples()
    assert (row.status, row.error) == ("interrupted", f"{number.name} asked the run to end")
    if number == signal.SIGTERM:
        assert len(DeltaTable(str(tmp_path / "out" / "tracks")).to_pandas()) == 8
    until(lambda: not [pid for pid in below if Path(f"/proc/{pid}").exists()], "all its processes to end")


@pytest.mark.parametrize(
    ("words", "is_light"),
    [
        (["jobs/run_pipeline.py", "--input", "few.csv", "--output", "out"], True),
        (["jobs/run_pipeline.py", "--input=few.csv", "--output=out"], True),
        (["jobs/train_clusters.py", "--output", "few"], True),
        (["jobs/train_clusters.py", "--output", "many"], False),
        (["jobs/run_pipeline.py", "--input", "many.csv", "--output", "out"], False),
        (["jobs/run_pipeline.py", "--input", "few.csv", "--output", "many"], False),
        (["jobs/run_pipeline.py", "--input", "*.csv", "--output", "out"], False),
        (["jobs/run_pipeline.py", "--input", "few.csv", "--output", "s3a://bucket/out"], False),
        (["jobs/make_sample.py", "--to", "few.csv"], False),
    ],
)
def test_the_second_compiler_rests_where_tracks_are_few(words, is_light, tmp_path):
    for name, n_bytes in (("few", 1000), ("many", 3 << 20)):
        (tmp_path / f"{name}.csv").write_bytes(b"x" * n_bytes)
        (tmp_path / name / "tracks").mkdir(parents=True)
        (tmp_path / name / "tracks" / "a.parquet").write_bytes(b"x" * n_bytes)
    spark = tmp_path / "spark" / "bin" / "spark-submit"
    spark.parent.mkdir(parents=True)
    spark.write_text('#!/bin/sh\necho "$SPARK_SUBMIT_OPTS"\n')
    spark.chmod(0o755)
    said = environment() | {"SPARK_HOME": str(tmp_path / "spark"), "SPARK_SUBMIT_OPTS": "-Dmine"}
    command = [str(PROJECT / "spark-submit.sh"), *words]
    told = subprocess.run(command, cwd=tmp_path, env=said, capture_output=True, text=True, check=True).stdout
    assert told.split() == (["-XX:TieredStopAtLevel=1", "-Dmine"] if is_light else ["-Dmine"])


@pytest.mark.guard("jvm-exit-code-mapped")
@pytest.mark.parametrize(
    ("spark_code", "code", "lines"),
    [
        (52, 1, ["error: the driver ran out of memory; give it more, such as --driver-memory 4g, and run again"]),
        (50, 1, []),
        (3, 3, []),
        (143, 143, []),
    ],
)
def test_codes_of_a_jvm_that_fails_on_its_own_become_the_code_of_a_failure(spark_code, code, lines, tmp_path):
    spark = tmp_path / "bin" / "spark-submit"
    spark.parent.mkdir()
    spark.write_text(f"#!/bin/sh\nexit {spark_code}\n")
    spark.chmod(0o755)
    said = environment() | {"SPARK_HOME": str(tmp_path)}
    done = subprocess.run(
        [str(PROJECT / "spark-submit.sh"), "jobs/run_pipeline.py"],
        env=said, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert [line for line in done.stderr.splitlines() if line.startswith("error:")] == lines
