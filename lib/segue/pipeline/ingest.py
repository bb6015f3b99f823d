"""Ingest: read files, and write ``tracks``, ``rejected_tracks``, ``layout_decisions`` and ``ingested_files``."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue import schema
from segue.core import packaged
from segue.core.paths import spark_uri
from segue.errors import InputError
from segue.ingest import merge
from segue.ingest.columns.column_rules import ReadingChoices
from segue.ingest.columns.layout_memory import LayoutMemory
from segue.ingest.columns.sources import load_sources
from segue.ingest.input_files import InputFile, list_input, readable_errors, require_visible_input
from segue.ingest.preview import describe_input
from segue.ingest.reader import InputRows, read_rows
from segue.ingest.text_files import TextOptions
from segue.pipeline import file_ledger, layout_ledger
from segue.runtime.job import Job, Run, StageResult
from segue.settings import Settings
from segue.storage.row_changes import ChangeCounts, matching_rows
from segue.storage.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Written:
    """Counts of an ingest: input rows by status (``track``, ``duplicate``, ``invalid``); changed rows of ``tracks``."""

    by_status: dict[str, int]
    tracks: ChangeCounts


def ingest_tracks(store: Store, path: str, settings: Settings) -> StageResult:
    """Read files that are new or have changed, and store their tracks and rejected rows. Runs several Spark jobs.

    All files are read if ``ingest.mode`` is ``snapshot``, if ``ingest.force`` is true, if the table ``tracks`` does not
    exist, or if a setting or format definition that affects how rows are read has changed
    (``file_ledger.pending_files``).

    Parameters
    ----------
    store : the tables of the output folder
    path : a file, a folder, a glob or a Delta table
    settings : uses the sections ``ingest`` (how files are read) and ``features`` (which values a row must have)

    Returns
    -------
    StageResult
        ``counts`` has numbers of rows (read, added, updated, unchanged, rejected, duplicate, removed), ``known_files``
        (number of files skipped because they have not changed since an earlier run) and ``seconds``.

    Raises
    ------
    InputError
        If the input cannot be read, lacks a required column, or none of the rows read is a usable track. Files that
        have a header and no rows are accepted if ``tracks`` exists, except in the mode ``snapshot``. With
        ``ingest.strict``, also if anything about the files is guessed.
    """
    with store.stage("ingest"):
        return _ingest(store, path, settings)


def check_sources(settings: Settings) -> None:
    """Raise SettingsError if a format definition is invalid, or if the one named by ``ingest.source`` is missing.

    A format definition is a TOML file in ``conf/sources/``. It maps the headers of a published dataset, or of one
    language, to columns of ``tracks``.
    """
    load_sources(packaged.conf() / "sources", name=settings.ingest.source)


def _ingest(store: Store, path: str, settings: Settings) -> StageResult:
    started = time.monotonic()
    snapshot = settings.ingest.mode == "snapshot"
    listed = list_input(store.spark, path, spark_uri(store.root))
    ledger = file_ledger.read_ledger(store, listed)
    # in the mode snapshot every file is read, whether ingested before or not
    # guard: known-files-not-read-again -> pending = listed
    pending = listed if snapshot else file_ledger.pending_files(store, settings, listed, ledger)
    inputs: dict[str, object] = {}
    if pending:
        decisions = layout_ledger.read_decisions(store)
        remember = settings.ingest.layouts == layout_ledger.REMEMBER
        memories = layout_ledger.memories(decisions) if remember else {}
        # guard: earlier-decisions-hold -> rows = read_input(store.spark, pending, settings, single_pass=True)
        rows = read_input(store.spark, pending, settings, memories, single_pass=True)
        inputs = _inputs(rows.files)
        reread = file_ledger.reread_names(settings, pending, ledger)
        with merge.persisted_with_status(rows) as (statuses, readings):
            # guard: files-recorded-after-rows
            # -> file_ledger.record_files(store, settings, pending, ledger, remove_missing=snapshot)
            # -> written = _write(store, path, statuses, reread, snapshot=snapshot)
            written = _write(store, path, statuses, reread, snapshot=snapshot)
        layout_ledger.record_decisions(store, readings, decisions, remember=remember)
        # guard: read-files-recorded
        file_ledger.record_files(store, settings, pending, ledger, remove_missing=snapshot)
    else:
        if settings.ingest.layouts != layout_ledger.REMEMBER:
            log.warning("ingest: no file is new, so nothing is decided again; add --set ingest.force=true")
        # raises if the table cannot be read, although there is nothing to do
        store.read(schema.TRACKS)
        written = _Written({}, ChangeCounts())
    counts = _counts(written) | {
        "known_files": len(listed) - len(pending),
        "seconds": round(time.monotonic() - started, 3),
    }
    log.info("ingest: %s", ", ".join(f"{name} {n}" for name, n in counts.items()))
    return StageResult(stage="ingest", inputs=inputs, counts=counts)


def read_input(
    spark: SparkSession,
    files_read: Sequence[InputFile],
    settings: Settings,
    memories: Mapping[str, LayoutMemory] | None = None,
    *,
    single_pass: bool = False,
) -> InputRows:
    """Return the rows of files as InputRows: a lazy DataFrame of validated rows, and how the files are read.

    Runs Spark jobs that detect headers, CSV dialects and units. For text files, one of these jobs reads all lines. With
    ``single_pass``, no job runs here for an input of few large text files: the caller must then call
    ``InputRows.verify`` after a job has computed all rows.

    ``memories`` holds decisions of earlier runs, such as units, by layout (file format with header); see
    ``layout_ledger.memories``.

    Raises
    ------
    InputError
        If a file cannot be read or lacks a required column. With ``ingest.strict``, also if anything is guessed.
    """
    ingest = settings.ingest
    return read_rows(
        spark,
        files_read,
        load_sources(packaged.conf() / "sources", name=ingest.source),
        settings.features.required,
        TextOptions(ingest.encoding, ingest.invalid_utf8, ingest.multiline, ingest.header_line),
        missing_rejects=settings.features.missing == "reject",
        choices=ReadingChoices(ingest.source, ingest.decimal_sign, ingest.genre_separator),
        memories=memories,
        strict=ingest.strict,
        single_pass=single_pass,
    )


def _inputs(read: Sequence[InputFile]) -> dict[str, object]:
    """Return the files and Delta tables in ``read``: ``{"files": {name: size in bytes}, "tables": {name: version}}``.

    If there are no files, or no tables, the key is absent.
    """
    tables = {file.source_file: file.version for file in read if file.version is not None}
    sizes = {file.source_file: file.size for file in read if file.version is None}
    return {kind: listed for kind, listed in (("files", sizes), ("tables", tables)) if listed}


def _write(store: Store, path: str, statuses: DataFrame, reread: Sequence[str], *, snapshot: bool) -> _Written:
    """Write ``tracks`` and ``rejected_tracks`` from input rows with their ``status``, and return the counts.

    ``reread`` has the names of files that an earlier run has read too: a stored rejected row of these files is removed
    if the row is not rejected again. With ``snapshot``, all stored tracks and rejected rows missing in the input are
    removed.
    """
    with readable_errors(f"--input {path}"):
        by_status = {row[0]: row[1] for row in statuses.groupBy("status").count().collect()}
    # guard: empty-file-accepted -> only_headers = False
    only_headers = not by_status and not snapshot and store.exists(schema.TRACKS)
    if not by_status.get("track") and not only_headers:
        raise InputError(_no_usable_track(statuses, path))
    # both tables are opened before the first is written: if either cannot be read, neither is changed
    stored, stored_rejected = store.find(schema.TRACKS), store.find(schema.REJECTED_TRACKS)
    rejected = merge.keep_rejected(statuses)
    if not by_status.keys() - {"track"}:
        # spares a pass over the persisted rows
        rejected = rejected.limit(0)
    removed_keys = None
    # guard: corrected-rejections-removed
    if stored_rejected is not None and reread and not snapshot:
        reread_names = store.spark.createDataFrame(pa.table({"source_file": list(reread)}))
        reread_rejected = stored_rejected.join(F.broadcast(reread_names), "source_file", "left_semi")
        removed_keys = reread_rejected.join(rejected, list(schema.REJECTED_TRACKS.key), "left_anti")
    if stored_rejected is None or snapshot or removed_keys is not None or by_status.keys() - {"track"}:
        # guard: snapshot-removes-rejected-rows
        # -> store.sync(schema.REJECTED_TRACKS, rejected, removed_keys=removed_keys)
        store.sync(schema.REJECTED_TRACKS, rejected, remove_missing=snapshot, removed_keys=removed_keys)
    if only_headers:
        log.warning("ingest: the new files have headers and no rows")
        return _Written(by_status, ChangeCounts())
    tracks = merge.keep_tracks(statuses)
    if snapshot:
        # guard: snapshot-removes-tracks
        # -> return _Written(by_status, store.sync(schema.TRACKS, merge.with_placeholder_titles(tracks)))
        return _Written(
            by_status, store.sync(schema.TRACKS, merge.with_placeholder_titles(tracks), remove_missing=True)
        )
    compared = None if stored is None else matching_rows(stored, tracks, by_status["track"], "track_id")
    changed = merge.merge_with_stored(tracks, compared).where("change != 'unchanged'").drop("change")
    return _Written(by_status, store.sync(schema.TRACKS, changed))


def _no_usable_track(statuses: DataFrame, path: str) -> str:
    """Return the error message for an input without a valid track.

    The message ends in the three most frequent rejection reasons, such as "bpm 0 outside [1, 300] (12 rows)". For an
    input without rows, the message says that there is only a header. Runs Spark jobs.
    """
    n_rows = statuses.count()
    if not n_rows:
        return f"--input {path}: a header and no rows, expected at least one track"
    reasons = statuses.select(F.explode("reasons").alias("reason")).groupBy("reason").count()
    frequent = reasons.orderBy(F.desc("count"), "reason").limit(3).collect()
    listed = "; ".join(f"{row.reason} ({row['count']} rows)" for row in frequent)
    return f"--input {path}: none of {n_rows} rows is a usable track: {listed}"


def _counts(written: _Written) -> dict[str, float]:
    by_status, tracks = written.by_status, written.tracks
    return {
        "read": sum(by_status.values()),
        "added": tracks.added,
        "updated": tracks.updated,
        "unchanged": by_status.get("track", 0) - tracks.added - tracks.updated,
        "rejected": by_status.get("invalid", 0),
        "duplicate": by_status.get("duplicate", 0),
        "removed": tracks.removed,
    }


def _work(run: Run) -> None:
    """Read files that are new or have changed, and store their tracks and rejected rows."""
    run.record(ingest_tracks(run.store, run.options.input, run.settings))


def _preview(run: Run) -> None:
    path = run.options.input
    require_visible_input(run.spark, path)
    files = list_input(run.spark, path, spark_uri(run.store.root))
    remember = run.settings.ingest.layouts == layout_ledger.REMEMBER
    memories = layout_ledger.memories(layout_ledger.read_decisions(run.store)) if remember else {}
    print(describe_input(read_input(run.spark, files, run.settings, memories), f"--input {path}"))


JOB = Job("ingest_tracks", _work, takes_input=True, check=check_sources, preview=_preview)
