"""Label tracks: apply a model to the table ``tracks``, write the tables ``labeled_tracks`` and ``cluster_profiles``."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue import schema
from segue.clustering import labels, model_card
from segue.clustering.model_card import ModelCard
from segue.core.spark_helpers import DISK_LEVEL
from segue.core.text import json_digest
from segue.errors import InputError
from segue.runtime.job import Job, Run, StageResult
from segue.settings import with_current_names
from segue.settings.words import Words
from segue.storage.model_store import ModelStore
from segue.storage.row_changes import ADDED, CHANGE, REMOVED, UPDATED, ChangeCounts, count_changes
from segue.storage.store import Store

log = logging.getLogger(__name__)

NEW, ALL = "new", "all"
_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelResult(StageResult):
    """The result of labeling: a StageResult with counts of changed labels, and the ModelCard of the model used.

    A ModelCard is the content of ``model.json``.
    """

    card: ModelCard


@dataclass(frozen=True, slots=True)
class PendingTracks:
    """The tracks to label, and the stored labels to remove.

    Attributes
    ----------
    tracks : DataFrame with the columns of the table ``tracks``: the tracks to label
    replace_all : whether to remove all stored labels of tracks not in ``tracks``
    are_new : whether none of ``tracks`` has a stored label; if true, the new labels can be appended
    removed : DataFrame with the ``track_id`` of the stored labels to remove; None if there are none
    is_empty : true: there is nothing to label or remove; false: there may be something
    """

    tracks: DataFrame
    replace_all: bool = False
    are_new: bool = False
    removed: DataFrame | None = None
    is_empty: bool = False


def label_tracks(
    store: Store,
    model_version: str = "latest",
    *,
    scope: str = NEW,
    pipeline: PipelineModel | None = None,
    words: Words | None = None,
) -> LabelResult:
    """Label tracks with their nearest centre, and store the profiles of the clusters. Runs about ten Spark jobs.

    Parameters
    ----------
    store : the output folder, with the table ``tracks`` and a model
    model_version : a folder below models/, or ``latest``: the newest training that finished
    scope : ``new``: tracks without a label, or with an outdated one (other model or values); ``all``: every track
    pipeline : the model's pipeline, if the caller has just trained it on these tracks; by default, the pipeline is
        loaded, and the tracks are checked for missing features
    words : replacements for the words of the clusters' descriptions (setting ``label.words``); if the stored
        descriptions differ, all tracks are labeled again

    Returns
    -------
    LabelResult
        ``counts`` has the model's version, the labels added, updated and removed, and ``seconds``.

    Raises
    ------
    InputError
        If there is no such model, or if a track lacks a feature and the model does not impute this feature.
    OutputError
        If the table ``tracks`` does not exist, or a file of the saved model is missing or damaged.
    """
    with store.stage("label"):
        return _label(store, model_version, scope == ALL, pipeline, words or {})


def _label(
    store: Store, model_version: str, label_all: bool, pipeline: PipelineModel | None, words: Words
) -> LabelResult:
    started = time.monotonic()
    models = ModelStore(store.root, store.files)
    original = find_card(models, model_version)
    card = model_card.with_words(original, words)
    is_reworded = card.cluster_descriptions != original.cluster_descriptions
    pending = pending_tracks(store, card, is_reworded=is_reworded, label_all=label_all)
    inputs = {"tracks": store.versions[schema.TRACKS.name], "model_version": card.model_version}
    # before labels are written: find raises if cluster_profiles cannot be read, which leaves the labels unchanged
    store.find(schema.CLUSTER_PROFILES)
    counts = ChangeCounts()
    if not pending.is_empty:
        if pipeline is None:  # else the training has checked these tracks
            _require_features(pending.tracks, card)
            pipeline = models.load(card.model_version)
        provenance = label_provenance(store, card, is_reworded=is_reworded)
        counts = _write(store, pending, labels.labeled_tracks(pending.tracks, pipeline, card), provenance)
    store.sync_local(schema.CLUSTER_PROFILES, [{"model_version": card.model_version, **row} for row in card.profiles])
    seconds = time.monotonic() - started
    log.info(
        "label: %d tracks added, %d updated, %d removed, %d clusters of model %s, %.1f s",
        counts.added, counts.updated, counts.removed, card.k, card.model_version, seconds,
    )  # fmt: skip
    recorded = {
        "model_version": card.model_version,
        "added": counts.added,
        "updated": counts.updated,
        "removed": counts.removed,
        "seconds": round(seconds, 3),
    }
    return LabelResult(stage="label", inputs=inputs, counts=recorded, card=card)


def find_card(models: ModelStore, version: str) -> ModelCard:
    """Return the content of a model's ``model.json`` as a ModelCard.

    ``version`` is the name of a folder below models/, or ``latest`` for the newest training that finished.

    Raises
    ------
    InputError
        If the model does not exist or is incomplete (the message lists the complete models), or its ``model.json`` is
        invalid.
    """
    if version == "latest":
        newest = newest_card(models)
        if newest is None:
            raise InputError(f"{models.root} has no complete model; run train_clusters.py")
        return newest
    text = models.card(version)
    if text is None:
        existing = ", ".join(models.cards()) or "none"
        raise InputError(f"{models.root} has no complete model {version!r}, only {existing}")
    return model_card.from_json(text, f"models/{version}")


def newest_card(models: ModelStore, settings: Mapping[str, Any] | None = None) -> ModelCard | None:
    """Return the ModelCard (content of ``model.json``) of the newest complete model; None if no model is complete.

    If ``settings`` (the training settings, a nested mapping by section) is given, only models trained with exactly
    these settings are considered. A model with an invalid ``model.json`` is ignored, with a warning in the log.
    """
    cards = []
    for name, text in models.cards().items():
        try:
            cards.append(model_card.from_json(text, f"models/{name}"))
        except InputError as error:
            log.warning("%s", error)
    # models trained by 0.1.0 record the former names of settings
    # guard: model-settings-match -> matching = cards
    matching = [card for card in cards if settings is None or with_current_names(card.settings) == settings]
    return max(matching, key=lambda card: (card.trained_at, card.model_version), default=None)


def pending_tracks(store: Store, card: ModelCard, *, is_reworded: bool, label_all: bool) -> PendingTracks:
    """Return the tracks to label, and the stored labels to remove, as PendingTracks. Runs Spark jobs.

    With ``label_all``, all tracks are to be labeled; otherwise, tracks without a label or with an outdated label. A
    label is outdated if it was made by another model or from other values, or if it has another description of its
    cluster than ``card``. ``is_reworded`` says whether the descriptions of ``card`` differ from those in
    ``model.json``.

    If the same model labeled the tracks of the same table with the same descriptions, and Delta's change feed has all
    changes since, only changed tracks are read. Otherwise all tracks are compared with their labels: if any label is of
    another model, has another description, or belongs to a removed track, all tracks are returned.

    Call this function within ``Store.stage``, which unpersists the changed tracks at its end.
    """
    tracks, labeled = store.read(schema.TRACKS), store.find(schema.LABELED_TRACKS)
    if label_all or labeled is None:
        return PendingTracks(tracks, replace_all=True)
    provenance = store.provenance(schema.LABELED_TRACKS)
    current = label_provenance(store, card, is_reworded=is_reworded)
    # guard: only-changed-tracks-labeled
    if provenance and provenance == current | {"version": provenance["version"]}:
        changes = store.changes(schema.TRACKS, provenance["version"])
        if changes is not None:
            return _pending_changes(store.persist(changes, DISK_LEVEL))
    if _is_stale(labeled, tracks, card):
        return PendingTracks(tracks, replace_all=True)
    return PendingTracks(_not_labeled(tracks, labeled))


def label_provenance(store: Store, card: ModelCard, *, is_reworded: bool) -> dict[str, Any]:
    """Return the provenance of labels, to be stored with the table ``labeled_tracks``: the model and the tracks.

    It is a dict: ``model_version``; ``tracks``, the Delta id of the table ``tracks``; ``version``, the version of
    that table. With ``is_reworded``, also ``descriptions``, a hash of the descriptions of the clusters.
    """
    described = {"descriptions": json_digest(card.cluster_descriptions, _DIGITS)} if is_reworded else {}
    return described | {
        "model_version": card.model_version,
        # guard: changes-require-same-table -> "tracks": "tracks",
        "tracks": store.table_id(schema.TRACKS),
        "version": store.versions[schema.TRACKS.name],
    }


def _pending_changes(changes: DataFrame) -> PendingTracks:
    counts = count_changes(changes)
    tracks = changes.where(F.col(CHANGE).isin(ADDED, UPDATED)).select(*schema.TRACKS.names)
    if counts.rows == counts.added:
        return PendingTracks(tracks, are_new=True, is_empty=not counts.rows)
    removed = changes.where(F.col(CHANGE) == REMOVED).select("track_id") if counts.removed else None
    # guard: labels-of-removed-tracks-removed -> return PendingTracks(tracks)
    return PendingTracks(tracks, removed=removed)


def _is_stale(labeled: DataFrame, tracks: DataFrame, card: ModelCard) -> bool:
    """Return whether ``labeled`` has a track missing in ``tracks``, or another model or description than ``card``."""
    is_described = F.lit(False)
    for cluster, description in enumerate(card.cluster_descriptions, 1):
        is_described |= (F.col("cluster") == cluster) & (F.col("cluster_description") == description)
    if labeled.where((F.col("model_version") != card.model_version) | ~is_described).limit(1).count():
        return True
    return bool(labeled.join(tracks.select("track_id"), "track_id", "left_anti").limit(1).count())


def _not_labeled(tracks: DataFrame, labeled: DataFrame) -> DataFrame:
    """Return the tracks without a label, or with other values in ``labeled`` than in ``tracks``."""
    as_labeled = labeled.select("track_id", F.struct(*schema.TRACKS.names).alias("labeled"))
    unchanged = F.struct(*schema.TRACKS.names).eqNullSafe(F.col("labeled"))
    return tracks.join(as_labeled, "track_id", "left").where(~unchanged).select(*schema.TRACKS.names)


def _write(store: Store, pending: PendingTracks, labeled: DataFrame, provenance: dict[str, Any]) -> ChangeCounts:
    if pending.are_new:
        return store.insert(schema.LABELED_TRACKS, labeled, provenance=provenance)
    return store.sync(
        schema.LABELED_TRACKS,
        labeled,
        remove_missing=pending.replace_all,
        removed_keys=pending.removed,
        provenance=provenance,
    )


def _require_features(tracks: DataFrame, card: ModelCard) -> None:
    required = [name for name in card.features if name not in card.imputed]
    if not required:
        return
    lacks_one = reduce(or_, (F.col(name).isNull() for name in required))
    # Delta's file statistics count nulls: if there are none, no file is read
    if tracks.where(lacks_one).isEmpty():
        return
    counts = tracks.agg(*(F.count_if(F.col(name).isNull()).alias(name) for name in required)).collect()[0]
    lacking = [f"{counts[name]} lack {name}" for name in required if counts[name]]
    raise InputError(
        f"of the tracks {', '.join(lacking)}, which model {card.model_version} needs and does not impute; "
        "train a model that imputes it with --set features.missing=median"
    )


def _work(run: Run) -> None:
    """Label tracks with their nearest cluster centre, and store the profiles of the clusters."""
    label = run.settings.label
    run.record(label_tracks(run.store, label.model_version, scope=run.options.tracks, words=label.words))


JOB = Job(
    "label_tracks",
    _work,
    options=(
        (
            "--tracks",
            {"choices": (NEW, ALL), "default": NEW, "help": "label tracks without an up-to-date label, or all tracks"},
        ),
    ),
)
