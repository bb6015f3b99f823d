"""The long campaign of faults: ``make faults``. One JSON line a fault, and one of what all of them come to.

There are four nights: on the first a catalogue comes to an empty output, on the second there are new tracks and
corrected ones, then a snapshot in which many are gone, and upkeep. On each, for every table that it writes, one run is
killed between the table's data files and their commit; others are killed at times spread over a whole run; then two
runs start together on one output, again and again. Every fault has an output of its own. After each, every table must
be whole at once, and one more run must complete to the tables of a run that nobody disturbed.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deltalake import DeltaTable
from tests.cluster.killing import TABLES, data_files, killed_after, killed_while_writing, torn, two_at_once
from tests.cluster.pipeline import upkeep, words
from tests.helpers.output_differences import COMPARED, differences, rows
from tests.helpers.submitted_jobs import begin
from tests.helpers.tracks_for_faults import write_catalogue

from segue.schema import Table

TRIES = 3
NIGHTS = ("first", "second", "snapshot", "upkeep")


@dataclass
class Fault:
    """What was done to one output, and what became of it."""

    kind: str
    night: str
    moment: str
    happened: bool
    """A run was killed before it ended, and where a table is named, between its data files and their commit: otherwise
    the kill came too late, and no fault was tried, though what must hold is looked at all the same."""
    torn: list[str]
    different: list[str] = field(default_factory=list)
    rows_lost: int = 0
    recorded: list[str] = field(default_factory=list)
    """How each run ended, by the table ``runs``, in alphabetical order."""
    codes: list[int] = field(default_factory=list)

    @property
    def survived(self) -> bool:
        """Whether nothing was torn, wrong or lost, and every end was one that is promised."""
        died = self.kind == "pair" or not self.happened or "died" in self.recorded
        return died and not (self.torn or self.different or self.rows_lost or set(self.codes) - {0, 4})


@dataclass(frozen=True)
class Night:
    """One night: what comes, if something does, and the output as it is before, and as an undisturbed run leaves it."""

    name: str
    folder: Path
    catalogue: Path | None
    before: Path | None = None
    settings: tuple[str, ...] = ()

    @property
    def alone(self) -> Path:
        """The undisturbed output."""
        return self.folder / f"{self.name}-alone" / "out"

    def usual(self) -> float:
        """Return the seconds that the undisturbed run took from its note to its record."""
        runs = DeltaTable(str(self.alone / "runs")).to_pandas().sort_values("started_at")
        return float(json.loads(runs.counts.iloc[-1])["seconds"])

    def written(self) -> list[str]:
        """Return the tables to which the undisturbed run has written data files, in the order of their writing."""
        old = {name: data_files(self.before / name) if self.before else set() for name in TABLES}
        return [name for name in TABLES if data_files(self.alone / name) - old[name]]

    def command(self, output: Path | str = "out", *settings: str) -> list[object]:
        """Return what submits the pipeline, or upkeep where nothing comes."""
        if self.catalogue is None:
            return upkeep("local[2]", output)
        return words("local[2]", self.catalogue, output, *self.settings, *settings)

    def begin(self, name: str) -> Path:
        """Make a folder for one output, as it is before the night."""
        folder = self.folder / f"{self.name}-{name}"
        folder.mkdir()
        if self.before:
            shutil.copytree(self.before, folder / "out")
        return folder

    def complete(self, folder: Path) -> Path:
        """Run the pipeline undisturbed, and return its output."""
        code = begin(folder, *self.command()).wait()
        if code:
            told = (folder / "log").read_text("utf-8")[-3000:]
            raise SystemExit(f"{folder.name}: a run that nobody disturbed ended with {code}: {told}")
        return folder / "out"

    def after(self, folder: Path, fault: Fault, *ignored: str) -> Fault:
        """Complete what a fault has left, and compare, but for the tables and files that are ignored."""
        out = self.complete(folder)
        fault.torn += torn(out)
        fault.different = [one for one in differences(self.alone, out) if not one.startswith(ignored)]
        fault.rows_lost = sum(len(keys(self.alone, table) - keys(out, table)) for table in COMPARED)
        fault.recorded = sorted(DeltaTable(str(out / "runs")).to_pandas().status)
        if fault.survived:
            shutil.rmtree(folder)
        return fault


def keys(root: Path, table: Table) -> set[str]:
    """Return what names the rows of a table: none where there is no table."""
    if not (root / table.name).is_dir():
        return set()
    found = rows(root, table)
    named = [name for name in table.key if name in found] or ["source_file"]
    return set(found[named].astype(str).agg("\n".join, axis=1))


def while_writing(night: Night) -> Iterator[Fault]:
    """Kill a run while it writes a table, one table after the other; where a commit was faster, try once more."""
    for table in night.written():
        for attempt in range(TRIES):
            folder = night.begin(f"{table}-{attempt}")
            happened = killed_while_writing(folder, night.command(), table)
            yield night.after(folder, Fault("kill", night.name, f"writing {table}", happened, torn(folder / "out")))
            if happened:
                break


def spread(night: Night, kills: int) -> Iterator[Fault]:
    """Kill runs at times that are spread evenly over what a whole one takes from its note to its record."""
    for number in range(kills):
        folder, seconds = night.begin(f"spread-{number}"), night.usual() * (number + 0.5) / kills
        happened = killed_after(folder, night.command(), seconds)
        yield night.after(folder, Fault("kill", night.name, f"{seconds:.1f} s", happened, torn(folder / "out")))


def pairs(night: Night, times: int) -> Iterator[Fault]:
    """Start two runs together, every second time with settings that make two models."""
    # where there are two, what is said of the other stays beside what is compared
    of_both = ("k_scores", "cluster_profiles", "centres")
    for number in range(times):
        folder = night.begin(f"pair-{number}")
        models = 2 if number % 2 and night.catalogue else 1
        settings, ignored = (("clustering.seed=7",), of_both) if models == 2 else ((), ())
        out = folder / "out"
        outcome = two_at_once(folder, night.command(out, *settings), night.command(out))
        fault = Fault("pair", night.name, f"start, {models} models", True, outcome.torn, codes=outcome.codes)
        yield night.after(folder, fault, *ignored)


def nights(folder: Path, wanted: Sequence[str]) -> Iterator[Night]:
    """Make what comes on each night, and the outputs of runs that nobody disturbs; yield the nights that are wanted."""
    for name in ("in", "later"):
        (folder / name).mkdir()
    first = Night("first", folder, write_catalogue(folder / "in" / "one.csv", range(1200)))
    first.complete(first.begin("alone"))
    if first.name in wanted:
        yield first
    # a fifth of them are corrections
    write_catalogue(folder / "in" / "two.csv", range(1125, 1500), seed=8)
    second = Night("second", folder, folder / "in", first.alone)
    second.complete(second.begin("alone"))
    # most are gone, the others corrected, and some new
    write_catalogue(folder / "later" / "one.csv", range(900, 1100))
    write_catalogue(folder / "later" / "two.csv", range(1100, 1600), seed=9)
    snapshot = Night("snapshot", folder, folder / "later", second.alone, ("ingest.mode=snapshot",))
    for night in (second, snapshot, Night("upkeep", folder, None, second.alone)):
        if night.name in wanted:
            if night is not second:
                night.complete(night.begin("alone"))
            yield night


def main() -> int:
    """Run the campaign, and return 0 where nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spread", type=int, default=6, metavar="N", help="kills at times spread over each night")
    parser.add_argument(
        "--pairs", type=int, default=10, metavar="N", help="times that two runs start together, a night"
    )
    parser.add_argument("--nights", nargs="+", choices=NIGHTS, default=NIGHTS, help="all four by default")
    options = parser.parse_args()
    faults, tables = [], 0
    with tempfile.TemporaryDirectory() as name:
        for night in nights(Path(name), options.nights):
            tables += len(night.written())
            for some in (while_writing(night), spread(night, options.spread), pairs(night, options.pairs)):
                for fault in some:
                    print(json.dumps(asdict(fault) | {"survived": fault.survived}), flush=True)
                    faults.append(fault)
    kills = [fault for fault in faults if fault.kind == "kill" and fault.happened]
    proven = {(fault.night, fault.moment) for fault in kills if fault.moment.startswith("writing")}
    summary = {
        "kills": len(kills),
        "tables_killed_before_their_commit": len(proven),
        "tables": tables,
        "pairs": sum(fault.kind == "pair" for fault in faults),
        "pairs_of_which_one_lost": sum(4 in fault.codes for fault in faults),
        "faults": sum(fault.happened for fault in faults),
        "survived": sum(fault.survived for fault in faults if fault.happened),
        "kills_too_late": sum(not fault.happened for fault in faults),
        "rows_lost": sum(fault.rows_lost for fault in faults),
    }
    print(json.dumps({"summary": summary}), flush=True)
    return 0 if all(fault.survived for fault in faults) and len(proven) == tables else 1


if __name__ == "__main__":
    sys.exit(main())
