"""``spark-submit.sh`` runs the packaged library from another folder, with its exit codes, signals and JVM options."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable
from tests.helpers import submitted_jobs
from tests.helpers.submitted_jobs import PROJECT, job_environment, process_tree, start_job, submit_and_wait
from tests.helpers.waiting import wait_for

CSV = "id,name,artists,tempo,loudness,liveness,valence,acousticness,speechiness\n" + "".join(
    f"x{n}y,Song {n},A,{90 + n},{-n}.5,0.{n}1,0.5{n},0.2{n},0.0{n}\n" for n in range(1, 9)
)


@pytest.fixture(scope="module", autouse=True)
def require_spark():
    if not (PROJECT / ".venv").is_dir() and "SPARK_HOME" not in os.environ:
        pytest.skip("no .venv in the project: type make setup")
    if shutil.which("bash") is None:
        pytest.skip("no bash")


@pytest.fixture
def run_with_fake_spark(tmp_path):
    """Return a function that runs spark-submit.sh with a shell script in place of Spark's own spark-submit."""
    spark_submit = tmp_path / "spark" / "bin" / "spark-submit"
    spark_submit.parent.mkdir(parents=True)

    def run(script, *args, **variables):
        spark_submit.write_text(f"#!/bin/sh\n{script}\n")
        spark_submit.chmod(0o755)
        environment = job_environment() | {"SPARK_HOME": str(tmp_path / "spark")} | variables
        command = [str(PROJECT / "spark-submit.sh"), *args]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


def error_lines(text):
    return [line for line in text.splitlines() if "error:" in line]


@pytest.mark.cluster
def test_invalid_setting_gives_one_line_and_code_2(tmp_path):
    run = submit_and_wait(tmp_path, "jobs/train_clusters.py", "--output", "out", "--set", "clustering.ks=9-4")
    assert run.returncode == 2
    (line,) = error_lines(run.stdout)
    assert "clustering.ks is '9-4'" in line
    assert "Traceback" not in run.stdout


@pytest.mark.cluster
def test_classes_are_loaded_from_the_archive(tmp_path, monkeypatch):
    if not (PROJECT / "build" / "classes.jsa").exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no archive of classes: type make classes")
    log = tmp_path / "classes.log"
    # -Xshare:on ends the JVM if it cannot use the archive
    monkeypatch.setattr(submitted_jobs, "SHORT_LIVED", f"-Xshare:on -Xlog:class+load:file={log}")
    run = submit_and_wait(tmp_path, "jobs/train_clusters.py", "--output", "out", "--set", "clustering.ks=9-4")
    assert run.returncode == 2, run.stdout
    (line,) = (line for line in log.read_text("utf-8").splitlines() if " org.apache.spark.deploy.SparkSubmit " in line)
    assert line.endswith("source: shared objects file (top)")


@pytest.mark.guard("archive-of-classes-used")
@pytest.mark.parametrize(
    ("files", "options", "has_folder"),
    [
        ([], [], False),
        (["hive-site.xml"], [], True),
        ([], ["--properties-file", "mine.conf"], True),
        ([], ["--master", "spark://none:7077"], True),
    ],
    ids=["as in the project", "a further file", "settings of the user", "a cluster"],
)
def test_spark_gets_the_settings_of_conf(files, options, has_folder, tmp_path):
    project = tmp_path / "a project"
    for folder in ("conf", "tools"):
        shutil.copytree(PROJECT / folder, project / folder)
    for name in files:
        (project / "conf" / name).write_text("<configuration/>", "utf-8")
    shutil.copy(PROJECT / "spark-submit.sh", project)
    archive = project / "build" / "classes.jsa"
    archive.parent.mkdir()
    archive.touch()
    spark = project / ".venv" / "lib" / "python3.11" / "site-packages" / "pyspark"
    (spark / "bin").mkdir(parents=True)
    (project / ".venv" / "bin").mkdir()
    (project / ".venv" / "bin" / "python").symlink_to(sys.executable)
    submit = spark / "bin" / "spark-submit"
    submit.write_text('#!/bin/sh\nprintf "%s\\n" "${SPARK_CONF_DIR:-no folder}" "$SPARK_SUBMIT_OPTS" "$@"\n', "utf-8")
    submit.chmod(0o755)
    run = subprocess.run(
        [project / "spark-submit.sh", *options, "--version"], env=job_environment() | {"SPARK_SUBMIT_OPTS": "-Dmine"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    conf = project / "conf"
    if has_folder:
        expected = [str(conf), "-Dmine", *options]
    else:
        java_options = [
            f'"-Dlog4j2.configurationFile={conf}/log4j2.properties"', f'"-XX:SharedArchiveFile={archive}"',
            "-Xlog:cds*=off", "-Xlog:class+path=off", "-Dmine",
        ]  # fmt: skip
        expected = ["no folder", " ".join(java_options), "--properties-file", f"{conf}/spark-defaults.conf"]
    assert run.stdout.splitlines() == [*expected, "--version"]


NAMED = "import os, socket, sys; socket.sethostname(sys.argv[1]); os.execv(sys.argv[2], sys.argv[2:])"
"""Sets the name of the machine, and then runs a command in the same process."""


@pytest.mark.cluster
@pytest.mark.parametrize("host_name", ["name_with_underscore", "12345"])
def test_missing_input_gives_one_line_and_code_3_for_any_host_name(host_name, tmp_path):
    # Java accepts neither as a host name, and neither name resolves
    named = ["unshare", "--uts", sys.executable, "-c", NAMED, host_name]
    if subprocess.run([*named, "/bin/true"], check=False, capture_output=True).returncode:
        pytest.skip("only root may give the machine another name")
    job = [PROJECT / "spark-submit.sh", "jobs/run_pipeline.py", "--input", "none.csv", "--output", "out"]
    run = subprocess.run(
        [*named, *job], cwd=tmp_path, env=job_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert run.returncode == 3, run.stdout
    # the JVM itself prints this line, because Spark adds the module; no option suppresses it
    lines = [line for line in run.stdout.splitlines() if not line.startswith("WARNING: Using incubator modules")]
    path = f"file:{tmp_path}/none.csv"
    assert lines == [f"error: cannot read --input none.csv: Path does not exist: {path}"]


@pytest.mark.guard("signal-passed-to-job", "signal-recorded-as-interrupted")
@pytest.mark.cluster
@pytest.mark.parametrize(
    ("number", "path"),
    [(signal.SIGTERM, "tracks/_delta_log/*.json"), (signal.SIGINT, ".running/*.json")],
    ids=["SIGTERM after a table", "SIGINT after the run marker"],
)
def test_signal_ends_run_and_is_recorded(number, path, tmp_path):
    (tmp_path / "tracks.csv").write_text(CSV, "utf-8")
    args = ("--master", "local[2]", "jobs/run_pipeline.py", "--input", "tracks.csv", "--output", "out")
    run = start_job(tmp_path, *args)
    wait_for(lambda: list((tmp_path / "out").glob(path)), path)
    pids = process_tree(run.pid)
    # a terminal sends Ctrl-C to the whole process group, an operator sends SIGTERM to one process
    (os.killpg if number == signal.SIGINT else os.kill)(run.pid, number)
    code = run.wait(60)
    log = (tmp_path / "log").read_text("utf-8")
    assert code == 128 + number, log[-3000:]
    (line,) = error_lines(log)
    (row,) = DeltaTable(str(tmp_path / "out" / "runs")).to_pandas().itertuples()
    assert (row.status, f"error: {row.error}") == ("interrupted", line)
    assert number.name in line
    assert "Traceback" not in log
    if number == signal.SIGTERM:
        assert len(DeltaTable(str(tmp_path / "out" / "tracks")).to_pandas()) == 8
    wait_for(lambda: not [pid for pid in pids if Path(f"/proc/{pid}").exists()], "all processes to end")


def test_jvm_options_of_the_user_are_unchanged(run_with_fake_spark):
    run = run_with_fake_spark('echo "$SPARK_SUBMIT_OPTS"', "jobs/train_clusters.py", SPARK_SUBMIT_OPTS="-Dmine")
    assert run.stdout.split() == ["-Dmine"]


@pytest.mark.parametrize("name", ["HUP", "TERM", "INT"])
def test_signal_is_forwarded_as_it_is(name, run_with_fake_spark):
    number = signal.Signals[f"SIG{name}"].value
    handler = signal.signal(number, signal.SIG_DFL)  # nohup ignores SIGHUP, and so would what it starts
    job = f"""sleep 60 >/dev/null 2>&1 &
        trap "kill $!; exit {128 + number}" {name}
        echo $$ >"$SEGUE_LISTENER"
        kill -{name} $PPID
        wait"""
    code = run_with_fake_spark(job, "jobs/run_pipeline.py").returncode
    signal.signal(number, handler)
    assert code == 128 + number


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
def test_exit_codes_50_to_59_of_a_failed_jvm_become_1(spark_code, code, lines, run_with_fake_spark):
    run = run_with_fake_spark(f"exit {spark_code}", "jobs/run_pipeline.py")
    assert run.returncode == code
    assert error_lines(run.stderr) == lines
