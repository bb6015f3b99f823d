"""Which tracks a model has to label: all, or those that have changed since it labeled last."""

import logging
import time
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
from segue.errors import InputError
from segue.runtime.runner import Job, Run
from segue.storage.model_store import ModelStore
from segue.storage.row_changes import ADDED, CHANGE, REMOVED, UPDATED, ChangeCounts, count_changes


@dataclass(frozen=True, slots=True)
class PendingTracks:
    """Tracks to be labeled, and what becomes of the labels that stand."""

    tracks: DataFrame
    whole: bool = False
    """Whether no other label stays."""
    are_new: bool = False
    """Whether none of the tracks has been labeled."""
    gone: DataFrame | None = None
    """Tracks whose labels go."""
    is_nothing: bool = False


def pending_tracks(run: Run, model_version: str, *, everything: bool) -> PendingTracks:
    """Return what a model has to label; where Delta's change feed tells, at a cost in proportion to it."""
    tracks, stored = run.store.read(schema.TRACKS), run.store.find(schema.LABELED_TRACKS)
    if everything or stored is None:
        return PendingTracks(tracks, whole=True)
    told = run.store.made_from(schema.LABELED_TRACKS)
    # guard: only-changed-tracks-labeled
    if told and told == label_provenance(run, model_version) | {"version": told["version"]}:
        changes = run.store.changes(schema.TRACKS, told["version"])
        if changes is not None:
            return _of(changes)
    if _is_outdated(stored, tracks, model_version):
        return PendingTracks(tracks, whole=True)
    return PendingTracks(_not_labeled(tracks, stored))


def label_provenance(run: Run, model_version: str) -> dict[str, Any]:
    """Return what labels of this run are made from, to be told with them."""
    return {
        "model_version": model_version,
        # guard: changes-require-same-table -> "tracks": "tracks",
        "tracks": run.store.identity(schema.TRACKS),
        "version": run.store.seen[schema.TRACKS.name],
    }


def _of(changes: DataFrame) -> PendingTracks:
    changes = changes.persist(DISK_LEVEL)
    count = count_changes(changes)
    tracks = changes.where(F.col(CHANGE).isin(ADDED, UPDATED)).select(*schema.TRACKS.names)
    if count.rows == count.added:
        return PendingTracks(tracks, are_new=True, is_nothing=not count.rows)
    gone = changes.where(F.col(CHANGE) == REMOVED).select("track_id") if count.removed else None
    # guard: labels-of-removed-tracks-removed -> return PendingTracks(tracks)
    return PendingTracks(tracks, gone=gone)


def _is_outdated(stored: DataFrame, tracks: DataFrame, model_version: str) -> bool:
    """Tell whether labels are another model's, or of tracks that are gone."""
    if stored.where(F.col("model_version") != model_version).limit(1).count():
        return True
    return bool(stored.join(tracks.select("track_id"), "track_id", "left_anti").limit(1).count())


def _not_labeled(tracks: DataFrame, stored: DataFrame) -> DataFrame:
    """Return the tracks that are new, or not what they were when they were labeled."""
    as_labeled = stored.select("track_id", F.struct(*schema.TRACKS.names).alias("labeled"))
    unchanged = F.struct(*schema.TRACKS.names).eqNullSafe(F.col("labeled"))
    return tracks.join(as_labeled, "track_id", "left").where(~unchanged).select(*schema.TRACKS.names)


log = logging.getLogger(__name__)
NEW, ALL = "new", "all"


def work(run: Run) -> None:
    """Label the tracks that the model has not labeled yet, or all, and store the clusters' profiles."""
    label(run, run.settings.label.model_version, everything=run.options.tracks == ALL)


def label(run: Run, version: str, *, pipeline: PipelineModel | None = None, everything: bool = False) -> ModelCard:
    """Label with a model (``latest``: the newest) and return its card; ``pipeline`` spares loading what is at hand."""
    started = time.monotonic()
    models = ModelStore(run.store.root, model_card.FILE_NAME)
    made = find_card(models, version, run.store.root)
    due = pending_tracks(run, made.model_version, everything=everything)
    run.inputs |= {"tracks": run.store.seen[schema.TRACKS.name], "model_version": made.model_version}
    # this is looked at before labels are written: one that cannot be read must leave the others as they are
    run.store.find(schema.CLUSTER_PROFILES)
    change = ChangeCounts()
    if not due.is_nothing:
        if pipeline is None:  # else it was trained on these tracks just now
            _require_features(due.tracks, made)
        pipeline = pipeline or models.load(made.model_version)
        change = _write(run, due, labels.labeled_tracks(due.tracks, pipeline, made), made.model_version)
    profiles = [{"model_version": made.model_version, **row} for row in made.profiles]
    run.store.sync_few(schema.CLUSTER_PROFILES, profiles)
    _report(run, made, change, time.monotonic() - started)
    return made


def find_card(models: ModelStore, version: str, root: str) -> ModelCard:
    """Return the card of a finished model, the newest for ``latest``."""
    if version == "latest":
        newest = newest_card(models)
        if newest is None:
            raise InputError(f"{root} has no finished model; train_clusters.py makes one")
        return newest
    text = models.card(version)
    if text is None:
        known = ", ".join(models.cards()) or "none"
        raise InputError(f"{root} has no finished model {version!r}; found {known}")
    return model_card.from_json(text, f"models/{version}")


def newest_card(models: ModelStore, settings: dict[str, Any] | None = None) -> ModelCard | None:
    """Return the card of the newest finished model, of those trained with ``settings`` if given, or None."""
    found = []
    for name, text in models.cards().items():
        try:
            found.append(model_card.from_json(text, f"models/{name}"))
        except InputError as error:
            log.warning("%s", error)
    # guard: model-settings-match -> fitting = found
    fitting = [made for made in found if settings is None or made.settings == settings]
    return max(fitting, key=lambda made: (made.trained_at, made.model_version), default=None)


def _write(run: Run, due: PendingTracks, labeled: DataFrame, model_version: str) -> ChangeCounts:
    made_from = label_provenance(run, model_version)
    if due.are_new:
        return run.store.add(schema.LABELED_TRACKS, labeled, made_from=made_from)
    return run.store.sync(schema.LABELED_TRACKS, labeled, whole=due.whole, without=due.gone, made_from=made_from)


def _require_features(tracks: DataFrame, made: ModelCard) -> None:
    needed = [name for name in made.features if name not in made.imputed]
    if not needed:
        return
    lacks_one = reduce(or_, (F.col(name).isNull() for name in needed))
    # Delta knows which files hold nulls: where none does, this reads nothing
    if tracks.where(lacks_one).isEmpty():
        return
    counts = tracks.agg(*(F.count_if(F.col(name).isNull()).alias(name) for name in needed)).collect()[0]
    lacking = [f"{counts[name]} lack {name}" for name in needed if counts[name]]
    raise InputError(
        f"of the tracks {', '.join(lacking)}, which model {made.model_version} needs and cannot fill; "
        "train one with --set features.missing=median"
    )


def _report(run: Run, made: ModelCard, change: ChangeCounts, seconds: float) -> None:
    run.counts["label"] = {
        "model_version": made.model_version,
        "added": change.added,
        "updated": change.updated,
        "removed": change.removed,
        "seconds": round(seconds, 3),
    }
    log.info(
        "label: %d tracks added, %d updated, %d removed, %d clusters of model %s, %.1f s",
        change.added, change.updated, change.removed, made.k, made.model_version, seconds,
    )  # fmt: skip


JOB = Job(
    "label_tracks",
    work,
    options=(
        (
            "--tracks",
            {
                "choices": (NEW, ALL),
                "default": NEW,
                "help": "those that the model has not labeled yet, or all",
            },
        ),
    ),
)
