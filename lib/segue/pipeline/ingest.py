"""Files become ``tracks`` and ``rejected_tracks``."""

import logging
import time

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue import schema
from segue.core import resources
from segue.core.spark_helpers import persisted
from segue.errors import InputError
from segue.ingest import merge
from segue.ingest.input_files import InputFile, list_input, readable_errors
from segue.ingest.reader import InputRows, TextOptions, read_rows
from segue.ingest.source_definitions import load_sources
from segue.pipeline import file_ledger
from segue.runtime.runner import Job, Run
from segue.settings.loading import Settings
from segue.storage import files
from segue.storage.row_changes import ChangeCounts, matching_rows

log = logging.getLogger(__name__)


def check(settings: Settings) -> None:
    """Look at the definitions of sources before Spark starts."""
    load_sources(resources.conf() / "sources", name=settings.ingest.source)


def work(run: Run) -> None:
    """Read files that are new, clean what they say, and store the tracks and the rejected rows."""
    started = time.monotonic()
    snapshot = run.settings.ingest.mode == "snapshot"
    listed = list_input(run.spark, run.options.input, files.spark_uri(run.store.root))
    before = file_ledger.read_ledger(run)
    # a snapshot is the whole input, known or not
    # guard: known-files-not-read-again -> wanted = listed
    wanted = listed if snapshot else file_ledger.pending_files(run, listed, before)
    if wanted:
        counts = _ingest(run, wanted, before, snapshot=snapshot)
    else:
        # what cannot be read is told even where nothing has to be
        run.store.read(schema.TRACKS)
        counts = dict.fromkeys(("read", "added", "updated", "unchanged", "rejected", "duplicate", "removed"), 0)
    known = len(listed) - len(wanted)
    run.counts["ingest"] = counts | {"known_files": known, "seconds": round(time.monotonic() - started, 3)}
    log.info("ingest: %s", ", ".join(f"{name} {n}" for name, n in run.counts["ingest"].items()))


def _ingest(run: Run, wanted: list[InputFile], before: file_ledger.LedgerEntries, *, snapshot: bool) -> dict[str, int]:
    rows, again = _read(run, wanted), file_ledger.reread_names(run, wanted, before)
    with persisted(merge.with_status(rows.frame)) as standing:
        # guard: files-recorded-after-rows
        # -> file_ledger.record_files(run, wanted, before, whole=snapshot)
        # -> counts, change = _store(run, standing, again, snapshot=snapshot)
        counts, change = _store(run, standing, again, snapshot=snapshot)
    # guard: read-files-recorded
    file_ledger.record_files(run, wanted, before, whole=snapshot)
    return {
        "read": sum(counts.values()),
        "added": change.added,
        "updated": change.updated,
        "unchanged": counts.get("track", 0) - change.added - change.updated,
        "rejected": counts.get("invalid", 0),
        "duplicate": counts.get("duplicate", 0),
        "removed": change.removed,
    }


def _store(run: Run, standing: DataFrame, again: list[str], *, snapshot: bool) -> tuple[dict[str, int], ChangeCounts]:
    """Store the tracks and the rejected rows; what files that are read ``again`` had rejected before, goes."""
    with readable_errors(f"--input {run.options.input}"):
        counts = {row[0]: row[1] for row in standing.groupBy("status").count().collect()}
    # guard: empty-file-accepted -> is_empty = False
    is_empty = not counts and not snapshot and run.store.exists(schema.TRACKS)
    if not counts.get("track") and not is_empty:
        raise InputError(_nothing_left(standing, run.options.input))
    # both are looked at before the first is written: one that cannot be read must leave the other as it is
    stored, before = run.store.find(schema.TRACKS), run.store.find(schema.REJECTED_TRACKS)
    rejected = merge.keep_rejected(standing)
    without = None
    # guard: corrected-rejections-removed
    if before is not None and again and not snapshot:
        # a file that is read again says no more what it said before
        of_them = before.where(F.col("source_file").isin(again))
        without = of_them.join(rejected, list(schema.REJECTED_TRACKS.key), "left_anti")
    if before is None or snapshot or without is not None or counts.keys() - {"track"}:
        # guard: snapshot-removes-rejected-rows -> run.store.sync(schema.REJECTED_TRACKS, rejected, without=without)
        run.store.sync(schema.REJECTED_TRACKS, rejected, whole=snapshot, without=without)
    if is_empty:
        log.warning("ingest: what is new holds headers and no rows")
        return counts, ChangeCounts()
    delivered = merge.keep_tracks(standing)
    if snapshot:
        # guard: snapshot-removes-tracks
        # -> return counts, run.store.sync(schema.TRACKS, merge.with_placeholder_names(delivered))
        return counts, run.store.sync(schema.TRACKS, merge.with_placeholder_names(delivered), whole=True)
    near = None if stored is None else matching_rows(stored, delivered, counts["track"], "track_id")
    changed = merge.with_change(delivered, near).where("change != 'unchanged'").drop("change")
    return counts, run.store.sync(schema.TRACKS, changed)


def _read(run: Run, wanted: list[InputFile]) -> InputRows:
    ingest = run.settings.ingest
    rows = read_rows(
        run.spark,
        wanted,
        load_sources(resources.conf() / "sources", name=ingest.source),
        run.settings.features.columns,
        TextOptions(ingest.encoding, ingest.invalid_utf8, ingest.multiline),
        missing_rejects=run.settings.features.missing == "reject",
    )
    tables = {file.source_file: file.version for file in rows.files if file.version is not None}
    sizes = {file.source_file: file.size for file in rows.files if file.version is None}
    run.inputs |= {kind: found for kind, found in (("files", sizes), ("tables", tables)) if found}
    return rows


def _nothing_left(standing: DataFrame, path: str) -> str:
    reasons = standing.select(F.explode("reasons").alias("reason")).groupBy("reason").count()
    worst = reasons.orderBy(F.desc("count"), "reason").limit(3).collect()
    rows = standing.count()
    if not rows:
        return f"--input {path}: a header and no rows, wanted at least one track"
    told = "; ".join(f"{row.reason} ({row['count']} rows)" for row in worst)
    return f"--input {path}: none of {rows} rows is a usable track: {told}"


JOB = Job("ingest_tracks", work, takes_input=True, check=check)
