"""Run the long campaign of faults: ``make faults``. Prints one JSON line per fault, and a summary.

There are four steps: a catalogue is ingested into an empty output; new and corrected tracks arrive; a snapshot removes
many tracks; the maintenance job runs. In each step, for every table that it writes, one run is killed between the data
files of the table and their commit. Other runs are killed at times spread over the length of a run, and pairs of runs
are started at the same time on one output. Every fault has an output of its own. After each, the tables must have no
faults, and one more run must complete them to those of an undisturbed run.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path

from deltalake import DeltaTable
from tests.cluster.faults import TABLES, data_files, kill_after, kill_while_writing, run_two_at_once, table_faults
from tests.cluster.pipeline import maintenance_args, submit_args
from tests.helpers.catalogue import write_catalogue
from tests.helpers.output_differences import COMPARED, comparable_rows, differences
from tests.helpers.submitted_jobs import start_job

from segue.schema import Table

MAX_ATTEMPTS = 3
STEPS = ("first", "second", "snapshot", "maintenance")


@dataclass
class Fault:
    """A fault that was caused in one output, and its consequences."""

    kind: str
    """``kill`` or ``pair``."""
    step: str
    moment: str
    happened: bool
    """Whether the run was killed before it ended and, if ``moment`` names a table, before the table's data files were
    committed. Otherwise the kill came too late; the tables are checked nevertheless."""
    table_faults: list[str]
    differences: list[str] = field(default_factory=list)
    rows_lost: int = 0
    recorded: list[str] = field(default_factory=list)
    """The statuses of all runs in the table ``runs``, sorted."""
    codes: list[int] = field(default_factory=list)

    @property
    def survived(self) -> bool:
        """Whether the tables have no faults, nothing is lost, and all exit codes and statuses are documented ones."""
        is_recorded = self.kind == "pair" or not self.happened or "died" in self.recorded
        return is_recorded and not (self.table_faults or self.differences or self.rows_lost or set(self.codes) - {0, 4})


@dataclass(frozen=True)
class Step:
    """A step of the campaign: its input, the output before it, and the output of an undisturbed run of it."""

    name: str
    folder: Path
    catalogue: Path | None
    """None in the step that runs the maintenance job."""
    before: Path | None = None
    settings: tuple[str, ...] = ()

    @property
    def undisturbed(self) -> Path:
        """The output of the undisturbed run."""
        return self.folder / f"{self.name}-undisturbed" / "out"

    def seconds(self) -> float:
        """Return the seconds that the undisturbed run recorded."""
        runs = DeltaTable(str(self.undisturbed / "runs")).to_pandas().sort_values("started_at")
        return float(json.loads(runs.counts.iloc[-1])["seconds"])

    def written_tables(self) -> list[str]:
        """Return the tables that the undisturbed run wrote data files to, in the order of writing."""
        old = {name: data_files(self.before / name) if self.before else set() for name in TABLES}
        return [name for name in TABLES if data_files(self.undisturbed / name) - old[name]]

    def args(self, output: Path | str = "out", *settings: str) -> list[object]:
        """Return the arguments for ``spark-submit.sh``."""
        if self.catalogue is None:
            return maintenance_args("local[2]", output)
        return submit_args("local[2]", self.catalogue, output, *self.settings, *settings)

    def prepare(self, name: str) -> Path:
        """Make a folder for one fault, with a copy of the output before the step."""
        folder = self.folder / f"{self.name}-{name}"
        folder.mkdir()
        if self.before:
            shutil.copytree(self.before, folder / "out")
        return folder

    def complete(self, folder: Path) -> Path:
        """Run the step undisturbed, and return its output. Raises SystemExit if the run fails."""
        code = start_job(folder, *self.args()).wait()
        if code:
            log = (folder / "log").read_text("utf-8")[-3000:]
            raise SystemExit(f"{folder.name}: exit code {code} of an undisturbed run, expected 0: {log}")
        return folder / "out"

    def check(self, folder: Path, fault: Fault, *ignored: str) -> Fault:
        """Run the step again on the output of a fault, compare it with the undisturbed one, and complete ``fault``.

        Differences that begin with one of the texts ``ignored`` do not count. If the fault was survived, its folder is
        removed.
        """
        out = self.complete(folder)
        fault.table_faults += table_faults(out)
        fault.differences = [line for line in differences(self.undisturbed, out) if not line.startswith(ignored)]
        fault.rows_lost = sum(len(keys(self.undisturbed, table) - keys(out, table)) for table in COMPARED)
        fault.recorded = sorted(DeltaTable(str(out / "runs")).to_pandas().status)
        if fault.survived:
            shutil.rmtree(folder)
        return fault


def keys(root: Path, table: Table) -> set[str]:
    """Return the keys of all rows of a table, or an empty set if there is no table."""
    if not (root / table.name).is_dir():
        return set()
    rows = comparable_rows(root, table)
    columns = [name for name in table.key if name in rows] or ["source_file"]
    return set(rows[columns].astype(str).agg("\n".join, axis=1))


def kills_while_writing(step: Step) -> Iterator[Fault]:
    """Kill one run per table while it writes the table; repeat if the commit came before the kill."""
    for table in step.written_tables():
        for attempt in range(MAX_ATTEMPTS):
            folder = step.prepare(f"{table}-{attempt}")
            happened = kill_while_writing(folder, step.args(), table)
            fault = Fault("kill", step.name, f"writing {table}", happened, table_faults(folder / "out"))
            yield step.check(folder, fault)
            if happened:
                break


def kills_over_time(step: Step, n_kills: int) -> Iterator[Fault]:
    """Kill runs at times spread evenly over the length of the undisturbed run."""
    for number in range(n_kills):
        folder, seconds = step.prepare(f"spread-{number}"), step.seconds() * (number + 0.5) / n_kills
        happened = kill_after(folder, step.args(), seconds)
        yield step.check(folder, Fault("kill", step.name, f"{seconds:.1f} s", happened, table_faults(folder / "out")))


def pairs(step: Step, n_pairs: int) -> Iterator[Fault]:
    """Start pairs of runs on one output, every second pair with different seeds, which give two models."""
    # tables with rows per model: with two models, they also have the rows of the model that no longer labels
    per_model = ("k_scores", "cluster_profiles", "centres")
    for number in range(n_pairs):
        folder = step.prepare(f"pair-{number}")
        n_models = 2 if number % 2 and step.catalogue else 1
        settings, ignored = (("clustering.seed=7",), per_model) if n_models == 2 else ((), ())
        out = folder / "out"
        result = run_two_at_once(folder, step.args(out, *settings), step.args(out))
        fault = Fault("pair", step.name, f"start, {n_models} models", True, result.faults, codes=result.codes)
        yield step.check(folder, fault, *ignored)


def prepared_steps(folder: Path, names: Sequence[str]) -> Iterator[Step]:
    """Write the inputs, run the steps undisturbed, and yield those that are named."""
    for name in ("in", "later"):
        (folder / name).mkdir()
    first = Step("first", folder, write_catalogue(folder / "in" / "one.csv", range(1200)))
    first.complete(first.prepare("undisturbed"))
    if first.name in names:
        yield first
    # a fifth of the file corrects tracks of the first one
    write_catalogue(folder / "in" / "two.csv", range(1125, 1500), seed=8)
    second = Step("second", folder, folder / "in", first.undisturbed)
    second.complete(second.prepare("undisturbed"))
    # 900 tracks are removed, 600 corrected, 100 added
    write_catalogue(folder / "later" / "one.csv", range(900, 1100))
    write_catalogue(folder / "later" / "two.csv", range(1100, 1600), seed=9)
    snapshot = Step("snapshot", folder, folder / "later", second.undisturbed, ("ingest.mode=snapshot",))
    for step in (second, snapshot, Step("maintenance", folder, None, second.undisturbed)):
        if step.name in names:
            if step is not second:
                step.complete(step.prepare("undisturbed"))
            yield step


def summary(faults: list[Fault], n_tables: int) -> dict[str, int]:
    """Count the faults and their consequences."""
    kills = [fault for fault in faults if fault.kind == "kill" and fault.happened]
    return {
        "kills": len(kills),
        "tables_killed_before_their_commit": len({(f.step, f.moment) for f in kills if f.moment.startswith("writing")}),
        "tables": n_tables,
        "pairs": sum(fault.kind == "pair" for fault in faults),
        "pairs_of_which_one_lost": sum(4 in fault.codes for fault in faults),
        "faults": sum(fault.happened for fault in faults),
        "survived": sum(fault.survived for fault in faults if fault.happened),
        "kills_too_late": sum(not fault.happened for fault in faults),
        "rows_lost": sum(fault.rows_lost for fault in faults),
    }


def main() -> int:
    """Run the campaign; return 0 if every fault was survived and every table was killed before its commit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spread", type=int, default=6, metavar="N", help="kills spread over each step (default 6)")
    parser.add_argument("--pairs", type=int, default=10, metavar="N", help="pairs of runs in each step (default 10)")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS, help="all four by default")
    args = parser.parse_args()
    faults, n_tables = [], 0
    with tempfile.TemporaryDirectory() as name:
        for step in prepared_steps(Path(name), args.steps):
            n_tables += len(step.written_tables())
            for fault in chain(kills_while_writing(step), kills_over_time(step, args.spread), pairs(step, args.pairs)):
                print(json.dumps(asdict(fault) | {"survived": fault.survived}), flush=True)
                faults.append(fault)
    counts = summary(faults, n_tables)
    print(json.dumps({"summary": counts}), flush=True)
    is_complete = counts["tables_killed_before_their_commit"] == n_tables
    return 0 if is_complete and all(fault.survived for fault in faults) else 1


if __name__ == "__main__":
    sys.exit(main())
