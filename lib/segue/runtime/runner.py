"""Run a job from the command line: start Spark, do the work, print errors, write the row in ``runs``, and exit."""

import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from pyspark.sql import SparkSession

from segue import schema
from segue.core.packaged import versions
from segue.errors import ConflictError, SegueError, SettingsError, SparkError
from segue.ingest.input_files import require_visible_input
from segue.runtime import logs, run_markers, session, signals
from segue.runtime.job import Job, Run, parse_command_line
from segue.storage import transactions
from segue.storage.store import Store

log = logging.getLogger("segue")

DONE, FAILED, WRONG_SETTINGS, UNUSABLE, CONFLICT = 0, 1, 2, 3, 4
"""Exit codes of a job, see ``job.EXIT_CODES``. UNUSABLE: the input, the output or Spark cannot be used."""
_CLEAR_LINE = "\r\x1b[K"
_INTERRUPTED_LOCK_SECONDS = 10.0
"""Maximum seconds that an interrupted run waits for the lock of the output folder, to write its row in ``runs``."""


def main(job: Job, argv: Sequence[str] | None = None) -> NoReturn:
    """Run a job with command-line arguments, by default ``sys.argv``. Exits the process with the job's exit code."""

    def start(name: str) -> SparkSession:
        spark = session.spark_session(name)
        signals.install_handlers()
        return spark

    try:
        code = execute(job, sys.argv[1:] if argv is None else argv, start)
    except BaseException:
        signal = signals.received()
        if not signal:
            raise
        # the signal came before ``_run`` could handle it: the run gets no row in ``runs``
        _print_error(signal.message)
        code = signal.exit_code
    session.stop()
    sys.exit(code)


def execute(job: Job, argv: Sequence[str], start: Callable[[str], SparkSession] = session.spark_session) -> int:
    """Run a job with the command-line arguments ``argv``, and return its exit code.

    Parameters
    ----------
    job : the job
    argv : the arguments, without the name of the program
    start : function that returns a SparkSession for the job's name; called after options and settings are checked. The
        session is not stopped.
    """
    line = "%(asctime)s %(message)s"
    # Spark's progress bar leaves the cursor at the end of its line; the message first clears this line
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logs.LogFormatter(_CLEAR_LINE + line if session.has_terminal() else line, datefmt="%H:%M:%S"))
    logging.basicConfig(handlers=[handler])
    log.setLevel(logging.INFO)
    try:
        options, settings = parse_command_line(job, argv)
    except SettingsError as error:
        for fault in error.faults:
            _print_error(fault)
        return WRONG_SETTINGS
    try:
        spark = start(job.name)
    except SparkError as error:
        _print_error(str(error))
        return UNUSABLE
    run = Run(Store(spark, options.output), settings, options)
    if job.preview and options.dry_run:
        return _preview(job.preview, run)
    return _run(job, run)


def _preview(preview: Callable[[Run], None], run: Run) -> int:
    """Run ``preview``, the function of a job for ``--dry-run``. Return the exit code."""
    try:
        preview(run)
    except SegueError as error:
        _print_error(str(error))
        return UNUSABLE
    return DONE


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a run ended."""

    code: int
    """The exit code."""
    status: str
    """Value of ``status`` in the table ``runs``."""
    message: str | None = None
    """The error; None if the run is done."""
    trace: str | None = None
    """Traceback of an unexpected error, printed instead of ``message``; None for expected errors."""


def _run(job: Job, run: Run) -> int:
    """Do the work of a run, write its row in the table ``runs``, and print its error. Return the exit code."""
    started = time.monotonic()
    row = _first_fields(job, run)
    try:
        run.store.prepare()
        if job.takes_input:
            require_visible_input(run.spark, run.options.input)
        fields = row | {"started_at": row["started_at"].isoformat()}
        marker = run_markers.RunMarker(run.store.files, run.store.root, fields)
    except (SegueError, OSError) as error:
        _print_error(str(error))
        return CONFLICT if isinstance(error, ConflictError) else UNUSABLE
    outcome = _Outcome(DONE, "done")
    try:
        marker.create()
        with run.store.cache_scope():
            job.work(run)
        signals.raise_if_received()  # guard: swallowed-signal-checked
        signals.ignore_signals()  # guard: signals-ignored-while-recording
    except BaseException as error:
        # a signal from here on would interrupt the writing of the row in ``runs``
        signals.ignore_signals()
        outcome = _outcome(run, error)
        if outcome.status == "interrupted":
            # if another run holds the lock for longer, the marker stays, and a later run writes the row of this run
            run.store.lock_timeout = _INTERRUPTED_LOCK_SECONDS
            with suppress(Exception):  # may fail, since the signal may have interrupted a call of py4j
                run.spark.interruptAll()
    run.counts["seconds"] = round(time.monotonic() - started, 3)
    row |= {
        "status": outcome.status,
        "finished_at": datetime.now(UTC),
        "error": outcome.message and logs.redact(outcome.message),
    } | _as_json({"input": run.inputs or run.store.versions, "counts": run.counts})
    try:
        _record(run, row)
        marker.remove()
    except Exception as error:
        if outcome.code == DONE:
            outcome = _outcome(run, error)
        cause = f"{type(error).__name__}: {error}".partition("\n")[0]
        log.warning("the row of this run could not be written to %s/runs: %s", run.store.root, cause)
    if outcome.trace:
        print(logs.escape_lines(outcome.trace), file=sys.stderr, flush=True)
    elif outcome.message:
        _print_error(outcome.message)
    return outcome.code


def _outcome(run: Run, error: BaseException) -> _Outcome:
    """Return the exit code, status and message of a run after its work has raised ``error``.

    If no signal was received, an error not derived from Exception, for example SystemExit, is raised again.
    """
    signal = signals.received()
    if signal:
        # guard: signal-recorded-as-interrupted -> return _Outcome(FAILED, "failed", signal.message)
        return _Outcome(signal.exit_code, "interrupted", signal.message)
    if isinstance(error, SegueError):
        # guard: conflict-exit-code -> return _Outcome(UNUSABLE, "failed", str(error))
        return _Outcome(CONFLICT if isinstance(error, ConflictError) else UNUSABLE, "failed", str(error))
    if not isinstance(error, Exception):
        raise error
    disk_error = logs.disk_error(error)
    if disk_error:  # guard: full-disk-one-line-error
        folders = f"--output {run.store.root}, or the folders where Spark spills to disk (spark.local.dir)"
        return _Outcome(
            FAILED, "failed", f"{disk_error}: in {folders}; earlier commits are complete: make room and run again"
        )
    worker_error = logs.worker_python_error(error)
    if worker_error:
        return _Outcome(
            FAILED,
            "failed",
            f"{worker_error}: PYSPARK_PYTHON is {os.environ.get('PYSPARK_PYTHON', 'not set')}; expected a Python "
            f"{sys.version_info.major}.{sys.version_info.minor} with segue's packages on every machine",
        )
    trace = "".join(traceback.format_exception(error))
    return _Outcome(FAILED, "failed", f"{type(error).__name__}: {error}", trace)


def _first_fields(job: Job, run: Run) -> dict[str, Any]:
    """Return the values of a run's row in ``runs`` that are known when the run starts, as a dict by column."""
    texts = {
        "settings": run.settings.model_dump(mode="json"),
        "versions": versions() | {"spark": run.spark.version},
    }
    return {"run_id": run.run_id, "job": job.name, "started_at": datetime.now(UTC)} | _as_json(texts)


def _as_json(values: dict[str, Any]) -> dict[str, str]:
    """Convert each value of a dict to JSON text, with secrets replaced by ``***``."""
    return {name: logs.to_redacted_json(value) for name, value in values.items()}


def _record(run: Run, row: dict[str, Any]) -> None:
    """Append ``row``, the row of this run, to the table ``runs``. Also append the missing rows of dead runs.

    A dead run is detected by its marker, a file that is then removed (see ``run_markers``).
    """
    # without the lock, two runs that end at the same time would write two rows for the same dead run
    with transactions.output_lock(run.store.root, "notes", timeout=run.store.lock_timeout):
        dead = run_markers.dead_runs(run.store.files, run.store.root)  # guard: dead-runs-recorded -> dead = []
        recorded = set()
        if dead:
            # a run that died between writing its row and removing its marker has a row already
            stored = Store(run.spark, run.store.root).find(schema.RUNS)
            rows = stored.select("run_id").collect() if stored is not None else []
            recorded = {row.run_id for row in rows}  # guard: dead-runs-recorded-once -> recorded = set()
        missing = [_row_of_dead_run(marker) for marker in dead if marker["run_id"] not in recorded]
        run.store.append(schema.RUNS, run.store.local_frame(schema.RUNS, [row, *missing]))
        for marker in dead:
            run_markers.remove_marker(run.store.files, run.store.root, marker["run_id"])


def _row_of_dead_run(marker: dict[str, Any]) -> dict[str, Any]:
    """Make the row of a dead run in ``runs`` from its marker, and log a warning."""
    log.warning("a previous run of %s, started at %s, did not finish", marker["job"], marker["started_at"])
    return {name: marker[name] for name in ("run_id", "job", "settings", "versions")} | {
        "started_at": datetime.fromisoformat(marker["started_at"]),
        "finished_at": datetime.fromisoformat(marker["seen_at"]),
        "status": "died",
        "input": "{}",
        "counts": "{}",
        "error": "the run did not finish: killed, or its machine failed; finished_at is the last renewal of its marker",
    }


def _print_error(message: str) -> None:
    print(f"error: {logs.escape_line(message)}", file=sys.stderr, flush=True)
