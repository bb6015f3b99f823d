"""Maintain the output: compact the tables, and remove data files not used by a recent version of a table."""

import argparse
import logging
import time

from segue import schema
from segue.errors import ConflictError, SettingsError
from segue.runtime import run_markers
from segue.runtime.job import Job, Run, StageResult
from segue.storage import delta_tables, transactions
from segue.storage.store import Store

log = logging.getLogger(__name__)

MIN_RETENTION_DAYS = 7
"""Minimum number of days for which old versions of a table stay readable. ``Store.changes`` needs six days."""


def maintain_tables(
    store: Store, *, retention_days: int = MIN_RETENTION_DAYS, dry_run: bool = False, run_id: str | None = None
) -> StageResult:
    """Compact every table (OPTIMIZE), and remove files not needed by recent versions (VACUUM).

    Runs several Spark jobs per table.

    Parameters
    ----------
    store : the tables of the output folder
    retention_days : number of days for which old versions stay readable, at least 7
    dry_run : whether to count the files only, and change nothing
    run_id : id of the calling run; any other run in progress raises ConflictError

    Returns
    -------
    StageResult
        ``counts["tables"]`` maps each table's name to a dict of numbers: ``files`` and ``bytes`` before maintenance,
        ``removable`` (files to be removed by VACUUM, counted up to 1,000) and, unless ``dry_run``, ``compacted`` (small
        files replaced) and ``into`` (files that replace the small ones).

    Raises
    ------
    ConflictError
        If another run is in progress: compaction could make that run fail.
    SettingsError
        If ``retention_days`` is below 7.
    """
    if retention_days < MIN_RETENTION_DAYS:
        raise SettingsError([f"retention_days is {retention_days}, expected {MIN_RETENTION_DAYS} or more"])
    started = time.monotonic()
    others = [marker["job"] for marker in run_markers.live_runs(store.files, store.root) if marker["run_id"] != run_id]
    # guard: maintenance-refused-during-runs
    if others:
        raise ConflictError(f"{', '.join(others)} is writing to {store.root}; run again when it has ended")
    by_table: dict[str, dict[str, int]] = {}
    for table in schema.TABLES:
        if not store.exists(table):
            continue
        with store.stage(f"maintain {table.name}"):
            counts = _maintain(store, table, retention_days, dry_run=dry_run)
        by_table[table.name] = counts
        log.info("%s: %s", table.name, ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in counts.items()))
    seconds = round(time.monotonic() - started, 3)
    return StageResult(stage="maintain", inputs={}, counts={"dry_run": dry_run, "tables": by_table, "seconds": seconds})


def _maintain(store: Store, table: schema.Table, retention_days: int, *, dry_run: bool) -> dict[str, int]:
    store.read(table)  # raises for a table of a newer segue or of another program
    identifier = store.sql_identifier(table)
    with transactions.output_lock(store.root, timeout=store.lock_timeout):
        # guard: dry-run-keeps-retention -> if True:
        if not dry_run:
            delta_tables.set_retention(store.spark, identifier, retention_days)
        counts = delta_tables.maintenance_preview(store.spark, identifier, retention_days)
        # guard: dry-run-changes-nothing -> if True:
        if not dry_run:
            counts |= delta_tables.compact(store.spark, identifier)
            # VACUUM adds commits to the log even if it removes nothing
            if counts["removable"]:
                delta_tables.vacuum(store.spark, identifier, retention_days)
    return counts


def _days(text: str) -> int:
    days = int(text) if text.isascii() and text.isdigit() else 0
    # guard: retention-minimum
    if days < MIN_RETENTION_DAYS:
        raise argparse.ArgumentTypeError(f"is {text!r}, expected whole days, {MIN_RETENTION_DAYS} or more")
    return days


def _work(run: Run) -> None:
    """Compact every table (OPTIMIZE), and remove files that no recent version needs (VACUUM); --dry-run only counts."""
    run.record(
        maintain_tables(
            run.store, retention_days=run.options.retention_days, dry_run=run.options.dry_run, run_id=run.run_id
        )
    )


JOB = Job(
    "maintain_tables",
    _work,
    options=(
        ("--dry-run", {"action": "store_true", "help": "count what would be done, and change nothing"}),
        (
            "--retention-days",
            {
                "type": _days,
                "default": MIN_RETENTION_DAYS,
                "metavar": "N",
                "help": f"keep every version of the last N days readable, {MIN_RETENTION_DAYS} at least (the default)",
            },
        ),
    ),
)
