"""What every entry point does around its own work: options, logs, exit code, run record."""

import argparse
import logging
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from pyspark.sql import DataFrame, SparkSession

from segue import schema
from segue.core.resources import versions
from segue.errors import ConflictError, SegueError, SettingsError
from segue.runtime import logs, run_log, session, signals
from segue.settings import loading
from segue.storage import files, transactions
from segue.storage.store import Store

log = logging.getLogger("segue")
DONE, FAILED, WRONG_SETTINGS, UNUSABLE, CONFLICT = 0, 1, 2, 3, 4
SMALL = 16 << 20
"""Bytes: where input and tables have no more, plans are interpreted."""
_CLEAR = "\r\x1b[K"


@dataclass(slots=True)
class Run:
    """One run of one job: what it works with, and what it tells of itself."""

    spark: SparkSession
    settings: loading.Settings
    store: Store
    options: argparse.Namespace
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    counts: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    is_small: bool = False
    """Whether all that the job can read is on this machine, and little."""
    _at_hand: list[DataFrame] = field(default_factory=list)

    def at_hand(self, rows: DataFrame) -> DataFrame:
        """Return rows of a table that are looked at again and again: until the run ends in memory, where they are few.

        Each look into a Delta table costs what finding its files does, of which few rows are the smaller part.
        """
        # of rows that an earlier stage keeps already Spark would warn
        if self.is_small and not rows.storageLevel.useMemory:
            self._at_hand.append(rows.persist())
        return rows

    def let_go(self) -> None:
        """Free what was kept at hand."""
        while self._at_hand:
            self._at_hand.pop().unpersist()


@dataclass(frozen=True, slots=True)
class Job:
    """An entry point.

    ``work`` does it; ``check`` looks at the settings before Spark starts, and raises SettingsError;
    ``options`` adds options of the job's own.
    """

    name: str
    work: Callable[[Run], None]
    takes_input: bool = False
    check: Callable[[loading.Settings], None] = lambda _: None
    options: tuple[tuple[str, dict[str, Any]], ...] = ()


def main(job: Job, argv: Sequence[str] | None = None) -> NoReturn:
    """Run a job from the command line, and leave the process with its exit code."""

    def start(name: str) -> SparkSession:
        spark = session.start(name)
        signals.install_handlers()
        return spark

    try:
        code = execute(job, sys.argv[1:] if argv is None else argv, start)
    except BaseException:
        asked = signals.received()
        if not asked:
            raise
        # before the run had begun to work
        _print_error(asked.message)
        code = asked.exit_code
    session.stop()
    sys.exit(code)


def execute(job: Job, argv: Sequence[str], start: Callable[[str], SparkSession] = session.start) -> int:
    """Run a job in a session that ``start`` builds, and return its exit code.

    A wrong setting is told before Spark starts. The session is the caller's to stop.
    """
    line = "%(asctime)s %(message)s"
    # Spark's bar leaves the cursor behind it: a line begins at the left, on an empty line
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logs.LogFormatter(_CLEAR + line if session.has_terminal() else line, datefmt="%H:%M:%S"))
    logging.basicConfig(handlers=[handler])
    log.setLevel(logging.INFO)
    try:
        options, settings = _options(job, argv)
    except SettingsError as error:
        for fault in error.faults:
            _print_error(fault)
        return WRONG_SETTINGS
    spark = start(job.name)
    return _run(job, Run(spark, settings, Store(spark, options.output), options))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError([message])


def _settings_parser() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", metavar="FILE.toml", help="settings, see conf/defaults.toml")
    parser.add_argument("--set", metavar="section.key=value", action="append", default=[], help="one setting")
    return parser


def _options(job: Job, argv: Sequence[str]) -> tuple[argparse.Namespace, loading.Settings]:
    """Return options and settings, or raise SettingsError with every fault of both."""
    about = job.work.__doc__
    parser = _Parser(prog=f"{job.name}.py", allow_abbrev=False, description=about, parents=[_settings_parser()])
    parser.add_argument("--output", metavar="ROOT", help="where the tables are: a path or URI")
    if job.takes_input:
        parser.add_argument("--input", metavar="PATH", help="a file, a folder, a glob or a Delta table")
    for name, keywords in job.options:
        parser.add_argument(name, **keywords)
    faults: list[str] = []
    try:
        options, unknown = parser.parse_known_args(argv)
        faults += [f"unknown option {text}" for text in unknown]
    except SettingsError as error:
        # what the options say of settings can be checked all the same
        faults += error.faults
        options, _ = _settings_parser().parse_known_args(argv)
        options.output = options.input = "as the fault says"
    wanted = {"--output ROOT": options.output}
    if job.takes_input:
        wanted["--input PATH"] = options.input
    faults += [f"{name} is missing" for name, given in wanted.items() if not given]
    try:
        settings = loading.load(options.config, options.set)
        job.check(settings)
    except SettingsError as error:
        faults += error.faults
    if faults:
        raise SettingsError(faults)
    return options, settings


def _run(job: Job, run: Run) -> int:
    begun = time.monotonic()
    opening = _opening(job, run)
    try:
        run.store.prepare()
        note = run_log.RunMarker(run.store.root, opening | {"started_at": opening["started_at"].isoformat()})
    except (SegueError, OSError) as error:
        _print_error(str(error))
        return UNUSABLE
    end = _Outcome(DONE, "done")
    try:
        note.put_up()
        run.is_small = _is_small(job, run)
        if run.is_small:
            session.interpret(run.spark)
        job.work(run)
        signals.raise_if_received()  # guard: swallowed-signal-checked
        signals.ignore_signals()  # guard: signals-ignored-while-recording
    except BaseException as error:
        # what is left is to say how it ended
        signals.ignore_signals()
        end = _outcome(run, error)
        if end.status == "interrupted":
            with suppress(Exception):  # a session that has just begun knows no jobs, and may say so by failing
                run.spark.interruptAll()
    run.counts["seconds"] = round(time.monotonic() - begun, 3)
    told = {"input": run.inputs, "counts": run.counts}
    closing = {
        "status": end.status,
        "finished_at": datetime.now(UTC),
        "error": end.message and logs.redact(end.message),
    } | _as_json(told)
    try:
        _record(run, opening | closing)
        note.take_away()
    except Exception as error:
        if end.code == DONE:
            end = _outcome(run, error)
        log.warning("the run could not be recorded in %s/runs", run.store.root)
    # where the JVM has died, so has what it kept
    with suppress(Exception):
        run.let_go()
    if end.trace:
        print(logs.escape_lines(end.trace), file=sys.stderr, flush=True)
    elif end.message:
        _print_error(end.message)
    return end.code


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a run ended."""

    code: int
    status: str
    message: str | None = None
    trace: str | None = None
    """The traceback of what nobody foresaw."""


def _outcome(run: Run, error: BaseException) -> _Outcome:
    """Return how a run ends by an error."""
    asked = signals.received()
    if asked:
        # guard: signal-recorded-as-interrupted -> return _Outcome(FAILED, "failed", asked.message)
        return _Outcome(asked.exit_code, "interrupted", asked.message)
    if isinstance(error, SegueError):
        # guard: conflict-exit-code -> return _Outcome(UNUSABLE, "failed", str(error))
        return _Outcome(CONFLICT if isinstance(error, ConflictError) else UNUSABLE, "failed", str(error))
    if not isinstance(error, Exception):
        raise error
    refusal = logs.disk_error(error)
    if refusal:  # guard: full-disk-one-line-error
        places = f"--output {run.store.root}, or the folders where Spark keeps what memory cannot hold"
        return _Outcome(FAILED, "failed", f"{refusal}: in {places}; what was written before is whole, run again")
    trace = "".join(traceback.format_exception(error))
    return _Outcome(FAILED, "failed", f"{type(error).__name__}: {error}", trace)


def _is_small(job: Job, run: Run) -> bool:
    """Tell whether all that the job can read is on this machine, and little."""
    places = [run.store.root, run.options.input] if job.takes_input else [run.store.root]
    sizes = [files.local_size(place) for place in places]
    return sum(SMALL + 1 if size is None else size for size in sizes) <= SMALL


def _opening(job: Job, run: Run) -> dict[str, Any]:
    """Return what can be said of a run as it begins."""
    told = {"settings": asdict(run.settings), "versions": versions() | {"spark": run.spark.version}}
    return {"run_id": run.run_id, "job": job.name, "started_at": datetime.now(UTC)} | _as_json(told)


def _as_json(told: dict[str, Any]) -> dict[str, str]:
    return {name: logs.to_redacted_json(value) for name, value in told.items()}


def _record(run: Run, row: dict[str, Any]) -> None:
    """Write the run's row, and those of earlier runs that died without one, which another run may be about to write."""
    with transactions.output_lock(run.store.root, "notes"):
        dead = run_log.dead_runs(run.store.root)  # guard: dead-runs-recorded -> dead = []
        recorded = set()
        if dead:
            # it may have died between its record and the removal of its note; others may have added to what was read
            stored = Store(run.spark, run.store.root).find(schema.RUNS)
            rows = stored.select("run_id").collect() if stored is not None else []
            recorded = {row.run_id for row in rows}  # guard: dead-runs-recorded-once -> recorded = set()
        late = [_row_of_dead_run(note) for note in dead if note["run_id"] not in recorded]
        run.store.append(schema.RUNS, run.store.rows(schema.RUNS, [row, *late]))
        for note in dead:
            run_log.remove_marker(run.store.root, note["run_id"])


def _row_of_dead_run(note: dict[str, Any]) -> dict[str, Any]:
    log.warning("an earlier run of %s, begun at %s, ended without a word", note["job"], note["started_at"])
    return {name: note[name] for name in ("run_id", "job", "settings", "versions")} | {
        "started_at": datetime.fromisoformat(note["started_at"]),
        "finished_at": datetime.fromisoformat(note["seen_at"]),
        "status": "died",
        "input": "{}",
        "counts": "{}",
        "error": "it ended without a word: killed, or its machine failed; finished_at is its last sign of life",
    }


def _print_error(message: str) -> None:
    """Print one line that begins ``error:``."""
    print(f"error: {logs.escape_line(message)}", file=sys.stderr, flush=True)
