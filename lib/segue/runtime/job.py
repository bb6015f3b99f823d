"""Define the classes Job, Run and StageResult, and parse the command line of a job. Starts no Spark session."""

import argparse
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import SparkSession

from segue import settings
from segue.errors import SettingsError
from segue.runtime import signals
from segue.settings import Settings
from segue.storage.store import Store

EXIT_CODES = {
    0: "done",
    1: "an unexpected error, with its traceback; a full disk or a driver without memory, in one line",
    2: "the command line or a setting is wrong: every fault is listed, nothing was read or written",
    3: "the input or output cannot be used: one line says what was found, what was expected and how to go on; the "
    "stage that failed has changed no table, the stages before it are complete",
    4: "another run changed the same output, or was still writing to it after an hour; run again",
    129: "SIGHUP ended the run; its row in the table runs says interrupted",
    130: "Ctrl-C (SIGINT) ended the run, recorded in the same way",
    143: "SIGTERM ended the run, recorded in the same way",
}
"""The exit codes of every job, each with its meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """The result of one stage of a job, to be stored in the table ``runs``.

    Attributes
    ----------
    stage : name of the stage, for example "label"
    inputs : inputs of the stage as JSON values by name: {"tracks": 12} is version 12 of the table ``tracks``
    counts : counts of the stage as JSON values by name: {"added": 200, "seconds": 3.1}; empty if there was nothing to
        do
    """

    stage: str
    inputs: Mapping[str, Any]
    counts: Mapping[str, Any]


@dataclass(slots=True)
class Run:
    """One run of a job: tables, settings and options, and the counts of its stages for the table ``runs``."""

    store: Store
    """The tables of the output folder."""
    settings: Settings
    options: argparse.Namespace
    """The options of the command line, for example ``options.input`` for ``--input``."""
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """32 random hexadecimal digits."""
    counts: dict[str, Any] = field(default_factory=dict)
    """Counts by stage, and seconds of the whole run: {"label": {"added": 200}, "seconds": 9.1}."""
    inputs: dict[str, Any] = field(default_factory=dict)
    """Inputs of all stages as JSON values by name: {"tracks": 12} is version 12 of the table ``tracks``."""

    @property
    def spark(self) -> SparkSession:
        """The SparkSession of the run."""
        return self.store.spark

    def record(self, result: StageResult) -> None:
        """Add the counts and inputs of a stage to those of the run.

        Raises Interrupted if the process has received a signal, such as SIGTERM.
        """
        if result.counts:
            self.counts[result.stage] = dict(result.counts)
        self.inputs |= result.inputs
        signals.raise_if_received()


@dataclass(frozen=True, slots=True)
class Job:
    """The definition of a spark-submit job: its name, the function that does its work, and its command-line options.

    Attributes
    ----------
    name : NAME of ``jobs/NAME.py``, also in the table ``runs``
    work : function that does the work of a run; it passes the result of each stage to ``Run.record``. Its docstring is
        the description in ``--help``.
    takes_input : whether the job has the required option ``--input``
    check : function called before Spark starts; raises SettingsError for faults not detected by ``settings.load``
    options : further options, as pairs of a name and a dict of keywords for argparse
    required : names of the required options among ``options``
    preview : function called instead of ``work`` for the option ``--dry-run``; writes nothing. With None, the job has
        no such option, unless it is in ``options``.
    """

    name: str
    work: Callable[[Run], None]
    takes_input: bool = False
    check: Callable[[Settings], None] = lambda _: None
    options: tuple[tuple[str, dict[str, Any]], ...] = ()
    required: tuple[str, ...] = ()
    preview: Callable[[Run], None] | None = None


def command_line_parser(job: Job) -> argparse.ArgumentParser:
    """Return the argparse parser of a job's command line."""
    parser = argparse.ArgumentParser(
        prog=f"{job.name}.py",
        allow_abbrev=False,
        exit_on_error=False,
        description=job.work.__doc__,
        epilog="exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()),
        parents=[_settings_parser()],
    )
    parser.add_argument("--output", metavar="ROOT", help="where the tables are: a path or URI")
    if job.takes_input:
        parser.add_argument("--input", metavar="PATH", help="a file, a folder, a glob or a Delta table")
    if job.preview:
        parser.add_argument("--dry-run", action="store_true", help="show what the job would do, and write nothing")
    for name, keywords in job.options:
        parser.add_argument(name, **keywords)
    return parser


def parse_command_line(job: Job, argv: Sequence[str]) -> tuple[argparse.Namespace, Settings]:
    """Parse the command-line arguments of a job; return its options and its settings.

    The option ``--help`` prints the help and exits the process.

    Raises
    ------
    SettingsError
        If an option or a setting is invalid, or a required option is missing. The message lists every fault.
    """
    parser = command_line_parser(job)
    options, faults = _parse_options(parser, list(argv))
    required = {"--output ROOT": options.output}
    if job.takes_input:
        required["--input PATH"] = options.input
    for name, keywords in job.options:
        if name in job.required:
            required[f"{name} {keywords['metavar']}"] = getattr(options, name.removeprefix("--"))
    faults += [f"{name} is missing" for name, value in required.items() if not value]
    loaded = Settings()
    try:
        loaded = settings.load(options.config, options.set)
        job.check(loaded)
    except SettingsError as error:
        faults += error.faults
    if faults:
        raise SettingsError(faults)
    return options, loaded


def _parse_options(parser: argparse.ArgumentParser, words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Parse the command-line arguments ``words``. Return the options, and one error message per fault.

    argparse stops at the first fault. To find all, a faulty option is removed from ``words``, with its value, and the
    rest is parsed again.
    """
    faults: list[str] = []
    while True:
        try:
            options, unknown = parser.parse_known_args(words)
            return options, faults + [f"unknown option {text}" for text in unknown]
        except argparse.ArgumentError as error:
            faults.append(str(error))
            named = [i for i, word in enumerate(words) if word.partition("=")[0] == error.argument_name]
            without_value = [i for i in named if "=" not in words[i] and "".join(words[i + 1 : i + 2])[:1] in ("", "-")]
            index = (without_value or named)[0]
            del words[index : index + (1 if without_value or "=" in words[index] else 2)]


def _settings_parser() -> argparse.ArgumentParser:
    """Return an argparse parser with the options common to all jobs, ``--config`` and ``--set``."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--config",
        metavar="FILE.toml",
        action="append",
        default=[],
        help="a file of settings, such as conf/recipes/sound.toml; repeatable, later files take precedence",
    )
    parser.add_argument(
        "--set",
        metavar="section.key=value",
        action="append",
        default=[],
        help="one setting; repeatable, later ones take precedence; all take precedence over --config",
    )
    return parser
