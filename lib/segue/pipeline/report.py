"""Render the tables as ``report.json`` and ``report.html``."""

import hashlib
import json
import logging
import time
from dataclasses import asdict

from pyspark.sql import Row
from pyspark.sql import functions as F

from segue import schema
from segue.clustering import model_card
from segue.core.version import __version__
from segue.errors import InputError, OutputError
from segue.pipeline.label import find_card
from segue.report import HTML_FILE, JSON_FILE, json_numbers, numbers, page
from segue.report.aggregates.summary import ReportTables, fit_report_numbers
from segue.runtime.runner import Job, Run
from segue.storage import commit_log, files
from segue.storage.model_store import ModelStore

log = logging.getLogger(__name__)
_DIGITS = 16


def work(run: Run) -> None:
    """Render the report, unless the one that stands there is made of the same tables."""
    report(run)


def report(run: Run) -> None:
    """Read the tables, gather what the page shows, and write it."""
    started = time.monotonic()
    labeled = run.at_hand(run.store.read(schema.LABELED_TRACKS))
    first = labeled.select("model_version").first()
    if first is None:
        raise InputError("labeled_tracks has no track; ingest some, and label them")
    made = find_card(ModelStore(run.store.root, model_card.FILE_NAME), first.model_version, run.store.root)
    scores = _scores(run, made)
    similar, rejected = run.store.find(schema.SIMILAR_TRACKS), run.store.find(schema.REJECTED_TRACKS)
    read = (schema.LABELED_TRACKS, schema.K_SCORES, schema.SIMILAR_TRACKS, schema.REJECTED_TRACKS)
    tables = {table.name: run.store.seen[table.name] for table in read if table.name in run.store.seen}
    run.inputs |= tables
    path, json_path = f"{run.store.root}/{HTML_FILE}", f"{run.store.root}/{JSON_FILE}"
    origin = _origin(run, made, tables)
    origins = page.origin_of(files.read_text(path) or ""), json_numbers.origin_of(files.read_text(json_path) or "")
    if set(origins) == {origin}:
        log.info("report: %s is made of the same tables and settings, nothing to do", path)
        return
    if similar is not None:
        versions = similar.select("tracks_version").first()
        if versions is None or versions.tracks_version != tables[schema.LABELED_TRACKS.name]:
            log.warning("report: similar_tracks is older than the labels, and left out; recommend_tracks.py makes it")
            similar = None
    chosen = run.settings.report
    found = fit_report_numbers(
        ReportTables(labeled, rejected, scores, similar),
        made,
        _provenance(run, made, scores, tables),
        n_points=chosen.points,
        n_searchable=chosen.searchable,
    )
    text = page.render(found, origin)
    # the page last: a run that ends between the two writes is repeated by the next one
    files.write_text(json_path, json_numbers.to_json(found, origin))
    files.write_text(path, text)
    seconds = round(time.monotonic() - started, 3)
    size = len(text.encode("utf-8"))
    run.counts["report"] = {"points": len(found.points.tracks), "bytes": size, "seconds": seconds}
    log.info("report: %s, %.1f MB, %d of %d tracks drawn, %.1f s",
             path, size / 1e6, len(found.points.tracks), found.n_tracks, seconds)  # fmt: skip


def _scores(run: Run, made: model_card.ModelCard) -> list[Row]:
    """Return the scores of the space that the model was chosen from, by k."""
    rows = run.store.read(schema.K_SCORES).where(F.col("model_version") == made.model_version).collect()
    found = sorted((row for row in rows if row.space == made.space), key=lambda row: row.k)
    if not any(row.chosen for row in found):
        raise OutputError(f"k_scores says nothing of model {made.model_version}; train_clusters.py writes both")
    return found


def _origin(run: Run, made: model_card.ModelCard, tables: dict[str, int]) -> str:
    """Return a hash of everything that decides the page."""
    settings = [asdict(run.settings.report), asdict(run.settings.recommend)]
    text = json.dumps([made.model_version, tables, settings, __version__, page.DESIGN], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_DIGITS]


def _provenance(run: Run, made: model_card.ModelCard, scores: list[Row], tables: dict[str, int]) -> numbers.Provenance:
    name = schema.LABELED_TRACKS.name
    chosen = next(row for row in scores if row.chosen)
    settings = dict(made.settings) | {
        "recommend": asdict(run.settings.recommend),
        "report": asdict(run.settings.report),
    }
    return numbers.Provenance(
        model_version=made.model_version,
        trained_at=made.trained_at,
        labeled_at=commit_log.committed_at(f"{run.store.root}/{name}", tables[name]) or made.trained_at,
        rule=made.settings["selection"]["rule"],
        engine=chosen.engine,
        restarts=chosen.restarts,
        space=made.space,
        tables=tables,
        settings=settings,
        versions=made.versions,
    )


JOB = Job("render_report", work)
