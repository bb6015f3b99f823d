"""``tracks`` and a model become ``labeled_tracks`` and ``cluster_profiles``."""

import logging
import time
from functools import reduce
from operator import or_
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue import schema
from segue.changes import Change
from segue.clustering import card, labels
from segue.clustering.card import ModelCard
from segue.errors import InputError
from segue.job import Job, Run
from segue.models import Models
from segue.stages.due import Due, find_due, origin

log = logging.getLogger(__name__)

NEW, ALL = "new", "all"


def work(run: Run) -> None:
    """Label the tracks that the model has not labeled yet, or all, and store the clusters' profiles."""
    label(run, run.settings.label.model_version, everything=run.options.tracks == ALL)


def label(run: Run, version: str, *, pipeline: PipelineModel | None = None, everything: bool = False) -> ModelCard:
    """Label with a model (``latest``: the newest) and return its card; ``pipeline`` spares loading what is at hand."""
    started = time.monotonic()
    models = Models(run.store.root, card.FILE_NAME)
    made = find_card(models, version, run.store.root)
    due = find_due(run, made.model_version, everything=everything)
    run.inputs |= {"tracks": run.store.seen[schema.TRACKS.name], "model_version": made.model_version}
    # this is looked at before labels are written: one that cannot be read must leave the others as they are
    run.store.find(schema.CLUSTER_PROFILES)
    change = Change()
    if not due.is_nothing:
        if pipeline is None:  # else it was trained on these tracks just now
            _require_features(due.tracks, made)
        pipeline = pipeline or models.load(made.model_version)
        change = _write(run, due, labels.labeled_tracks(due.tracks, pipeline, made), made.model_version)
    profiles = [{"model_version": made.model_version, **row} for row in made.profiles]
    run.store.sync_few(schema.CLUSTER_PROFILES, profiles)
    _report(run, made, change, time.monotonic() - started)
    return made


def find_card(models: Models, version: str, root: str) -> ModelCard:
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
    return card.from_json(text, f"models/{version}")


def newest_card(models: Models, settings: dict[str, Any] | None = None) -> ModelCard | None:
    """Return the card of the newest finished model, of those trained with ``settings`` if given, or None."""
    found = []
    for name, text in models.cards().items():
        try:
            found.append(card.from_json(text, f"models/{name}"))
        except InputError as error:
            log.warning("%s", error)
    # guard: model-settings-match -> fitting = found
    fitting = [made for made in found if settings is None or made.settings == settings]
    return max(fitting, key=lambda made: (made.trained_at, made.model_version), default=None)


def _write(run: Run, due: Due, labeled: DataFrame, model_version: str) -> Change:
    made_from = origin(run, model_version)
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


def _report(run: Run, made: ModelCard, change: Change, seconds: float) -> None:
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
