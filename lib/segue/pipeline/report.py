"""Report: render the tables as ``report.html`` and ``report.json``."""

import logging
import time
from dataclasses import asdict
from typing import Any

from pyspark.sql import Row
from pyspark.sql import functions as F

from segue import __version__, schema
from segue.clustering.model_card import ModelCard, with_descriptions
from segue.core.text import json_digest
from segue.errors import InputError, OutputError
from segue.pipeline.label import find_card
from segue.pipeline.similarity_inputs import learned_settings
from segue.report import HTML_FILE, JSON_FILE, numbers, page
from segue.report.aggregates.summary import ReportTables, collect_report_numbers
from segue.runtime.job import Job, Run, StageResult
from segue.settings import Settings, with_current_names
from segue.storage import commit_log
from segue.storage.model_store import ModelStore
from segue.storage.store import Store

log = logging.getLogger(__name__)
_DIGITS = 16


def render_report(store: Store, settings: Settings) -> StageResult:
    """Write report.html and report.json, unless both are up to date with the tables and settings. Runs Spark jobs.

    Parameters
    ----------
    store : the output folder, with ``labeled_tracks``, ``k_scores`` and their model
    settings : uses the section ``report``; the page also shows the section ``recommend``

    Returns
    -------
    StageResult
        ``counts``: points (tracks on the maps), bytes (of the page) and seconds; empty if the report was up to date.

    Raises
    ------
    InputError
        If ``labeled_tracks`` is empty, its model is missing, or ``recommend.weights`` is "learned" and no weights were
        learned with this ``recommend.scaling``.
    OutputError
        If ``labeled_tracks`` or ``k_scores`` is missing, or ``k_scores`` has no row of the model.
    """
    with store.stage("report"):
        learned = learned_settings(store, settings.recommend)
        return _render(store, settings.model_copy(update={"recommend": learned}))


def _render(store: Store, settings: Settings) -> StageResult:
    started = time.monotonic()
    labeled = store.read(schema.LABELED_TRACKS, cache=True)
    first = labeled.select("model_version").first()
    if first is None:
        raise InputError("labeled_tracks has no tracks; ingest some, and label them")
    original = find_card(ModelStore(store.root, store.files), first.model_version)
    card = _as_described(original, store)
    scores = _scores(store, card)
    similar, rejected = store.find(schema.SIMILAR_TRACKS), store.find(schema.REJECTED_TRACKS)
    read = (schema.LABELED_TRACKS, schema.K_SCORES, schema.SIMILAR_TRACKS, schema.REJECTED_TRACKS)
    tables = {table.name: store.versions[table.name] for table in read if table.name in store.versions}
    path, json_path = f"{store.root}/{HTML_FILE}", f"{store.root}/{JSON_FILE}"
    reworded = card.cluster_descriptions if card.cluster_descriptions != original.cluster_descriptions else None
    origin = _inputs_hash(settings, card, tables, reworded)
    stored = [store.files.read_text(uri) or "" for uri in (path, json_path)]
    origins = page.origin_of(stored[0]), page.json_origin_of(stored[1])
    if set(origins) == {origin}:
        log.info("report: %s is up to date", path)
        return StageResult(stage="report", inputs=tables, counts={})
    if similar is not None:
        row = similar.select("tracks_version").first()
        if row is None or not _is_current(store, row.tracks_version):
            log.warning("report: similar_tracks is older than the labels, so it is left out; run recommend_tracks.py")
            similar = None
    shown = collect_report_numbers(
        ReportTables(labeled, rejected, scores, similar),
        card,
        _provenance(store, settings, card, scores, tables),
        n_points=settings.report.points,
        n_searchable=settings.report.searchable,
    )
    text = page.render(shown, origin)
    # a run that ends between the two writes leaves different hashes in the files, and the next run writes both
    store.files.write_text(json_path, page.render_json(shown, origin))
    store.files.write_text(path, text)
    seconds, size = round(time.monotonic() - started, 3), len(text.encode("utf-8"))
    log.info("report: %s, %.1f MB, %d of %d tracks drawn, %.1f s",
             path, size / 1e6, len(shown.points.tracks), shown.n_tracks, seconds)  # fmt: skip
    counts = {"points": len(shown.points.tracks), "bytes": size, "seconds": seconds}
    return StageResult(stage="report", inputs=tables, counts=counts)


def _as_described(card: ModelCard, store: Store) -> ModelCard:
    """Return ``card`` with the descriptions of the clusters in the table ``cluster_profiles``.

    A cluster without a description in the table keeps the description in ``card``. With the setting ``label.words``,
    descriptions in the table differ from those in ``model.json``.
    """
    profiles = store.find(schema.CLUSTER_PROFILES)
    if profiles is None:
        return card
    rows = profiles.where(F.col("model_version") == card.model_version).select("cluster", "cluster_description")
    stored = {row.cluster: row.cluster_description for row in rows.collect()}
    described = [stored.get(cluster, text) for cluster, text in enumerate(card.cluster_descriptions, 1)]
    return with_descriptions(card, described)


def _scores(store: Store, card: ModelCard) -> list[Row]:
    """Return the rows of ``k_scores`` for the model and its feature space, a list by ascending k. Runs one Spark job.

    Raises OutputError if no row is marked as chosen.
    """
    rows = store.read(schema.K_SCORES).where(F.col("model_version") == card.model_version).collect()
    scores = sorted((row for row in rows if row.space == card.space), key=lambda row: row.k)
    if not any(row.chosen for row in scores):
        raise OutputError(
            f"k_scores has no row of model {card.model_version}; delete models/{card.model_version}, "
            "then run train_clusters.py and label_tracks.py"
        )
    return scores


def _is_current(store: Store, version: int) -> bool:
    """Return whether the table ``labeled_tracks`` still has the rows of its version ``version``.

    Later versions may exist if they were made by operations that change no row, such as OPTIMIZE and VACUUM.
    """
    latest = store.versions[schema.LABELED_TRACKS.name]
    later = range(version + 1, latest + 1)
    return version <= latest and commit_log.is_maintenance(
        store.files, f"{store.root}/{schema.LABELED_TRACKS.name}", later
    )


def _inputs_hash(settings: Settings, card: ModelCard, tables: dict[str, int], reworded: list[str] | None) -> str:
    """Return a hash (16 hexadecimal digits) of all inputs of report.html and report.json.

    ``tables`` maps names of tables to versions. ``reworded`` holds the descriptions of the clusters if they differ from
    those in ``model.json``, else None.
    """
    shown = settings.model_dump(mode="json", include={"report", "recommend"})
    everything = [card.model_version, tables, shown, __version__, page.TEMPLATE_HASH]
    return json_digest(everything if reworded is None else [*everything, reworded], _DIGITS)


def _provenance(
    store: Store, settings: Settings, card: ModelCard, scores: list[Row], tables: dict[str, int]
) -> numbers.Provenance:
    name = schema.LABELED_TRACKS.name
    chosen = next(row for row in scores if row.chosen)
    trained: dict[str, Any] = with_current_names(card.settings)
    shown = settings.model_dump(mode="json", include={"report", "recommend"})
    return numbers.Provenance(
        model_version=card.model_version,
        trained_at=card.trained_at,
        labeled_at=commit_log.committed_at(store.files, f"{store.root}/{name}", tables[name]) or card.trained_at,
        rule=trained["selection"]["rule"],
        engine=chosen.engine,
        restarts=chosen.restarts,
        space=card.space,
        tables=tables,
        settings=trained | shown | {"recommend": shown["recommend"] | asdict(settings.recommend.compared)},
        versions=card.versions,
    )


def _work(run: Run) -> None:
    """Render the report, unless it was made from the same tables and settings."""
    run.record(render_report(run.store, run.settings))


JOB = Job("render_report", _work)
