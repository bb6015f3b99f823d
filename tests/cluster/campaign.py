"""The long campaign of faults: ``make faults``. One JSON line a fault, and one of what all of them come to.

For every table one run is killed between its data files and their commit, on an output of its own; then a chain of runs
over one output is killed at random times; then two runs start together on one output, again and again. After each fault
every table must be whole, and a run that nobody disturbs must complete to the tables of an undisturbed one.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from deltalake import DeltaTable
from tests.cluster.catalogue import write_catalogue
from tests.cluster.killing import TABLES, killed_after, killed_while_writing, torn, two_at_once
from tests.cluster.pipeline import words
from tests.same_tables import differences
from tests.submitting import begin

TRIES = 3


def main() -> int:
    """Run the campaign, and return 0 where nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", type=int, default=14, metavar="N", help="kills at random times")
    parser.add_argument("--pairs", type=int, default=20, metavar="N", help="times that two runs start together")
    parser.add_argument("--seed", type=int, default=0, help="of the random times")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        catalogue = write_catalogue(folder / "tracks.csv")
        (folder / "alone").mkdir()
        begun = time.monotonic()
        _complete(folder / "alone", catalogue)
        usual = time.monotonic() - begun
        proven, faults = _while_writing(folder, catalogue), []
        times = random.Random(options.seed)
        (folder / "random").mkdir()
        for _ in range(options.random):
            after = times.uniform(0, 0.7 * usual)
            hit = killed_after(folder / "random", words("local[2]", catalogue, "out"), after)
            faults.append(_tell("random", hit=hit, after=round(after, 1), torn=torn(folder / "random" / "out")))
        _complete(folder / "random", catalogue)
        different = differences(folder / "alone" / "out", folder / "random" / "out")
        died = (DeltaTable(str(folder / "random" / "out" / "runs")).to_pandas().status == "died").sum()
        pairs = [
            _pair(folder / f"pair-{number}", folder / "alone" / "out", catalogue) for number in range(options.pairs)
        ]
        everything = [*proven, *faults, *pairs]
        is_well = not any(fault["torn"] for fault in everything) and not different
        is_well &= all(fault.get("proven", True) and not fault.get("different") for fault in everything)
        _tell("all", faults=len(everything), died_recorded=int(died), different=different, survived=is_well)
        return 0 if is_well else 1


def _while_writing(folder: Path, catalogue: Path) -> list[dict[str, object]]:
    """Kill one run after the other, each while it writes its table; where a commit was faster, on a new output."""
    found = []
    for table in TABLES:
        for attempt in range(TRIES):
            place = folder / f"{table}-{attempt}"
            place.mkdir()
            command = words("local[2]", catalogue, "out")
            proven = killed_while_writing(place, command, table)
            whole = torn(place / "out")
            _complete(place, catalogue)
            different = differences(folder / "alone" / "out", place / "out")
            fault = _tell(table, proven=proven, torn=whole, different=different)
            if proven or whole or different:
                break
        found.append(fault)
    return found


def _pair(place: Path, alone: Path, catalogue: Path) -> dict[str, object]:
    """Start two runs together, and then one more, which must complete what they have left."""
    place.mkdir()
    outcome = two_at_once(place, catalogue)
    codes = outcome["codes"]
    _complete(place, catalogue)
    return _tell(
        "pair",
        codes=sorted(codes),
        proven=codes <= {0, 4},
        torn=outcome["torn"],
        different=differences(alone, place / "out"),
    )


def _complete(folder: Path, catalogue: Path) -> None:
    code = begin(folder, *words("local[2]", catalogue, "out")).wait()
    if code:
        raise SystemExit(f"a run that nobody disturbed ended with {code}: see {(folder / 'log').read_text()[-3000:]}")


def _tell(moment: str, **said: object) -> dict[str, object]:
    print(json.dumps({"fault": moment, **said}), flush=True)
    return said


if __name__ == "__main__":
    sys.exit(main())
