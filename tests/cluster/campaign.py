"""The long campaign of faults: ``make faults``. One JSON line a fault, and one of what all of them come to.

For every table one run is killed between its data files and their commit; others are killed at times spread over a
whole run; then two runs start together on one output, again and again. Every fault has an output of its own. After
each, every table must be whole at once, and one more run must complete to the tables of a run that nobody disturbed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deltalake import DeltaTable
from tests.cluster.catalogue import write_catalogue
from tests.cluster.killing import TABLES, killed_after, killed_while_writing, torn, two_at_once
from tests.cluster.pipeline import words
from tests.same_tables import COMPARED, differences, rows
from tests.submitting import begin

from segue.schema import Table

TRIES = 3


@dataclass
class Fault:
    """What was done to one output, and what became of it."""

    kind: str
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
class Place:
    """Where faults happen: outputs side by side, one catalogue, and the output of a run that nobody disturbed."""

    folder: Path
    catalogue: Path

    @property
    def alone(self) -> Path:
        """The undisturbed output."""
        return self.folder / "alone" / "out"

    def command(self) -> list[object]:
        """Return what submits the pipeline."""
        return words("local[2]", self.catalogue, "out")

    def completed(self, name: str) -> Path:
        """Run the pipeline undisturbed, and return its output."""
        code = begin(self.folder / name, *self.command()).wait()
        if code:
            told = (self.folder / name / "log").read_text("utf-8")[-3000:]
            raise SystemExit(f"{name}: a run that nobody disturbed ended with {code}: {told}")
        return self.folder / name / "out"

    def after(self, name: str, fault: Fault, *ignored: str) -> Fault:
        """Complete what a fault has left, and compare, but for the tables and files that are ignored."""
        out = self.completed(name)
        fault.torn += torn(out)
        fault.different = [one for one in differences(self.alone, out) if not one.startswith(ignored)]
        fault.rows_lost = sum(len(keys(self.alone, table) - keys(out, table)) for table in COMPARED)
        fault.recorded = sorted(DeltaTable(str(out / "runs")).to_pandas().status)
        return fault


def keys(root: Path, table: Table) -> set[str]:
    """Return what names the rows of a table: none where there is no table."""
    if not (root / table.name).is_dir():
        return set()
    found = rows(root, table)
    named = [name for name in table.key if name in found] or ["source_file"]
    return set(found[named].astype(str).agg("\n".join, axis=1))


def while_writing(place: Place) -> Iterator[Fault]:
    """Kill a run while it writes a table, one table after the other; where a commit was faster, try once more."""
    for table in TABLES:
        for attempt in range(TRIES):
            name = f"{table}-{attempt}"
            (place.folder / name).mkdir()
            happened = killed_while_writing(place.folder / name, place.command(), table)
            yield place.after(name, Fault("kill", f"writing {table}", happened, torn(place.folder / name / "out")))
            if happened:
                break


def spread(place: Place, kills: int, usual: float) -> Iterator[Fault]:
    """Kill runs at times that are spread evenly over what a whole one takes from its note to its record."""
    for number in range(kills):
        name, seconds = f"spread-{number}", usual * (number + 0.5) / kills
        (place.folder / name).mkdir()
        happened = killed_after(place.folder / name, place.command(), seconds)
        yield place.after(name, Fault("kill", f"{seconds:.1f} s", happened, torn(place.folder / name / "out")))


def pairs(place: Place, times: int) -> Iterator[Fault]:
    """Start two runs together, every second time with settings that make two models."""
    for number in range(times):
        name = f"pair-{number}"
        (place.folder / name).mkdir()
        settings, ignored = [((), ()), (("clustering.seed=7",), ("k_scores", "centres"))][number % 2]
        outcome = two_at_once(place.folder / name, place.catalogue, *settings)
        fault = Fault("pair", f"start, {1 + number % 2} models", True, outcome.torn, codes=outcome.codes)
        yield place.after(name, fault, *ignored)


def main() -> int:
    """Run the campaign, and return 0 where nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spread", type=int, default=14, metavar="N", help="kills at times spread over a run")
    parser.add_argument("--pairs", type=int, default=20, metavar="N", help="times that two runs start together")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name), write_catalogue(Path(name) / "tracks.csv"))
        (place.folder / "alone").mkdir()
        runs = DeltaTable(str(place.completed("alone") / "runs")).to_pandas()
        usual = json.loads(runs.counts[0])["seconds"]
        faults = []
        for some in (while_writing(place), spread(place, options.spread, usual), pairs(place, options.pairs)):
            for fault in some:
                print(json.dumps(asdict(fault) | {"survived": fault.survived}), flush=True)
                faults.append(fault)
    kills = [fault for fault in faults if fault.kind == "kill" and fault.happened]
    proven = {fault.moment for fault in kills if fault.moment.startswith("writing")}
    summary = {
        "kills": len(kills),
        "tables_killed_before_their_commit": len(proven),
        "tables": len(TABLES),
        "pairs": len(faults) - sum(fault.kind == "kill" for fault in faults),
        "pairs_of_which_one_lost": sum(4 in fault.codes for fault in faults),
        "faults": sum(fault.happened for fault in faults),
        "survived": sum(fault.survived for fault in faults if fault.happened),
        "kills_too_late": sum(not fault.happened for fault in faults),
        "rows_lost": sum(fault.rows_lost for fault in faults),
    }
    print(json.dumps({"summary": summary}), flush=True)
    return 0 if all(fault.survived for fault in faults) and len(proven) == len(TABLES) else 1


if __name__ == "__main__":
    sys.exit(main())
