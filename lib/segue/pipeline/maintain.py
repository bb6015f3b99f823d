"""Small files become large ones, and files that no version of the last days needs are removed."""

import argparse
import logging
import time

from segue import schema
from segue.errors import ConflictError
from segue.runtime import run_log
from segue.runtime.runner import Job, Run
from segue.storage import delta_tables, transactions

log = logging.getLogger(__name__)
LEAST_DAYS = 7
"""Of retention: whoever reads a table may take days, and the change feed is asked for up to six."""


def work(run: Run) -> None:
    """Compact every table (OPTIMIZE), and remove what no recent version needs (VACUUM); --dry-run only tells."""
    started = time.monotonic()
    others = [note["job"] for note in run_log.live_runs(run.store.root) if note["run_id"] != run.run_id]
    # guard: maintenance-refused-during-runs
    if others:
        # a compaction is a commit, on which they would lose
        raise ConflictError(f"{', '.join(others)} is at work on {run.store.root}; run again when it has ended")
    found: dict[str, dict[str, int]] = {}
    for table in schema.TABLES:
        if not run.store.exists(table):
            continue
        run.store.read(table)  # a newer segue's, or somebody else's, is not touched
        place = run.store.identifier(table)
        with transactions.output_lock(run.store.root):
            done = delta_tables.maintenance_preview(run.spark, place, run.options.retention_days)
            # guard: dry-run-changes-nothing -> if True:
            if not run.options.dry_run:
                done |= delta_tables.compact(run.spark, place)
                # without need it would still write of itself into the log
                if done["removable"]:
                    delta_tables.vacuum(run.spark, place, run.options.retention_days)
        found[table.name] = done
        log.info("%s: %s", table.name, ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in done.items()))
    seconds = round(time.monotonic() - started, 3)
    run.counts["maintain"] = {"dry_run": run.options.dry_run, "tables": found, "seconds": seconds}


def _days(text: str) -> int:
    days = int(text) if text.isascii() and text.isdigit() else 0
    # guard: retention-minimum
    if days < LEAST_DAYS:
        raise argparse.ArgumentTypeError(f"is {text!r}, wanted whole days, {LEAST_DAYS} or more")
    return days


JOB = Job(
    "maintain_tables",
    work,
    options=(
        ("--dry-run", {"action": "store_true", "help": "tell what would be done, and do nothing"}),
        (
            "--retention-days",
            {
                "type": _days,
                "default": LEAST_DAYS,
                "metavar": "N",
                "help": f"keep every version of the last N days readable; {LEAST_DAYS}, the least, by default",
            },
        ),
    ),
)
