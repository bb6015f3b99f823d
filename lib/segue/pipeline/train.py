"""Train a model: cluster the table ``tracks``, and write the table ``k_scores`` and the folder ``models/VERSION/``."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from segue import schema
from segue.clustering import feature_space, labels, model_card, profiles
from segue.clustering.cluster_stats import fit_cluster_stats
from segue.clustering.feature_space import FeatureSpace
from segue.core.grid_result import Fit
from segue.core.packaged import versions
from segue.core.spark_helpers import parallel_jobs
from segue.errors import ClusteringError
from segue.kmeans_grid.lloyd import CheckpointStore
from segue.pipeline.tuning import SpaceFits, choose_fit, fit_spaces, requested_spaces
from segue.runtime.job import Job, Run, StageResult
from segue.settings import YEAR, Settings
from segue.storage.model_store import ModelStore
from segue.storage.store import Store

log = logging.getLogger(__name__)

EVALUATED_MAX_TRACKS = 10_000
"""Maximum number of tracks for which ClusteringEvaluator checks the chosen fit's silhouette."""
_ADDED = {"optional": [], "guide": "none"}
"""Settings of the section ``features`` added after 0.2.0, with their defaults."""
CACHED_MAX_TRACKS = 200_000
"""Maximum number of tracks cached with their labels. For more tracks, computing labels for each use is faster."""


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A trained model before it is saved, with all K-means fits.

    Attributes
    ----------
    pipeline : the pyspark.ml stages that label tracks
    card : content of ``model.json``
    spaces : the fits in every feature space (choice of columns, scaler, logarithms and weights)
    best : the item of ``spaces`` for the best feature space
    chosen : the chosen fit in ``best``
    """

    pipeline: PipelineModel
    card: model_card.ModelCard
    spaces: list[SpaceFits]
    best: SpaceFits
    chosen: Fit

    def score_rows(self) -> list[dict[str, Any]]:
        """Return the rows of ``k_scores`` as a list of dicts, one for each feature space and k."""
        return _score_rows(self.card.model_version, self.spaces, self.chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult(StageResult):
    """The result of a training: a StageResult with counts, the model's version, and its pyspark.ml pipeline.

    ``pipeline`` is None if nothing was trained because the model existed already.
    """

    model_version: str
    pipeline: PipelineModel | None


def train_clusters(store: Store, settings: Settings) -> TrainResult:
    """Fit K-means for every k, choose one k, and save its model. Runs many Spark jobs.

    Nothing is trained if a model of the same tracks, settings and library versions exists.

    Parameters
    ----------
    store : the output folder, with the table ``tracks``
    settings : uses the sections ``features``, ``clustering``, ``selection`` and ``tuning``

    Returns
    -------
    TrainResult
        The model's version and pipeline. ``counts``: tracks, spaces, ks, chosen (k), silhouette and seconds; empty if
        nothing was trained.

    Raises
    ------
    ClusteringError
        If tracks lack a feature that is not imputed, no track has a required feature, or no feature is left; if there
        are too few distinct tracks, or genres that discriminants cannot separate.
    OutputError
        If the table ``tracks`` does not exist.
    """
    with store.stage("train"):
        return _train(store, settings)


def training_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that affect a training, as a nested dict of JSON values by section."""
    dumped = settings.model_dump(mode="json", include={"features", "clustering", "selection", "tuning"})
    # settings added in later versions leave the versions of models unchanged while they have their defaults
    # guard: added-settings-keep-models -> return dumped
    features = dumped["features"].items()
    dumped["features"] = {name: value for name, value in features if name not in _ADDED or value != _ADDED[name]}
    return dumped


def summarise(tracks: DataFrame) -> Row:
    """Count tracks and nulls, and compute a checksum of the tracks: return one Row. Runs one Spark job.

    The fields are ``rows``, the number of tracks; ``total`` and ``parity``, the sum and XOR of the rows' hashes; and
    the number of nulls in each feature and in the year, by the column's name. The hashes leave out ``source_file``. The
    order of rows has no effect.
    """
    # without source_file: the same tracks in renamed files have the same checksum
    row_hash = F.xxhash64(*(name for name in schema.TRACKS.names if name != "source_file"))
    return tracks.agg(
        F.count("*").alias("rows"),
        F.sum(row_hash.cast("decimal(38,0)")).cast("string").alias("total"),
        F.bit_xor(row_hash).alias("parity"),
        *(F.count_if(F.col(name).isNull()).alias(name) for name in (*schema.FEATURE_NAMES, YEAR)),
    ).collect()[0]


def version_of(summary: Row, settings: Settings) -> str:
    """Return a model's version: a hash of the tracks' content, the training settings and the library versions.

    ``summary`` is the result of ``summarise`` for the tracks.
    """
    return model_card.model_version(
        {
            "tracks": {name: summary[name] for name in ("rows", "total", "parity")},
            "settings": training_settings(settings),
            "versions": {name: versions()[name] for name in ("segue", "pyspark", "numpy")},
        }
    )


def fit_model(
    tracks: DataFrame,
    settings: Settings,
    summary: Row,
    checkpoints: Callable[[int], CheckpointStore | None] = lambda _: None,
) -> FittedModel:
    """Fit K-means for every k in every feature space, choose a fit, and make its model. Reads the tracks several times.

    A feature space is a choice of columns, scaler, logarithms and weights. Optional features without any value are not
    used.

    Parameters
    ----------
    tracks : DataFrame with the columns of the table ``tracks``
    settings : uses the sections ``features``, ``clustering``, ``selection`` and ``tuning``
    summary : result of ``summarise`` for the tracks
    checkpoints : called with the index of each feature space; returns the storage for its unfinished fits, or None

    Returns
    -------
    FittedModel
        The pipeline, its card, and all fits.

    Raises
    ------
    ClusteringError
        If tracks lack a feature that is not imputed, no track has a required feature, or no feature is left; if there
        are too few distinct tracks, or genres that discriminants cannot separate.
    """
    spaces = requested_spaces(settings, _absent_features(settings, summary))
    _require_features(summary, spaces)
    stores = [checkpoints(index) for index in range(len(spaces))]
    fitted = fit_spaces(settings, spaces, tracks, summary.rows, stores)
    best, chosen = choose_fit(settings, fitted)
    pipeline, card = _model(settings, version_of(summary, settings), best, tracks, chosen)
    for name, median in card.imputed.items():
        if summary[name]:
            log.info("train: %d of %d tracks have no %s, which counts as %g, the median",
                     summary[name], summary.rows, name, median)  # fmt: skip
    return FittedModel(pipeline, card, fitted, best, chosen)


def _train(store: Store, settings: Settings) -> TrainResult:
    started = time.monotonic()
    tracks = store.read(schema.TRACKS, cache=True)
    inputs = {"tracks": store.versions[schema.TRACKS.name]}
    summary = summarise(tracks)
    version = version_of(summary, settings)
    models = ModelStore(store.root, store.files)
    if models.card(version):
        log.info(
            "train: model %s of the same tracks and settings exists: nothing to do; if a newer model exists, "
            "--set label.model_version=%s selects this one for labeling", version, version,
        )  # fmt: skip
        return TrainResult(stage="train", inputs=inputs, counts={}, model_version=version, pipeline=None)
    model = fit_model(tracks, settings, summary, lambda index: models.checkpoint(version, f"grid_{index}"))
    with parallel_jobs(store.spark) as submit:
        saved = submit(models.save, version, model.pipeline)
        store.sync_local(schema.K_SCORES, model.score_rows())
        saved.result()
    models.finish(version, model.card.to_json())
    chosen, ks = model.chosen, [fit.k for fit in model.best.fits]
    seconds = round(time.monotonic() - started, 3)
    log.info(
        "train: %d tracks, k = %d of %d to %d by the rule %s, silhouette %.3f, model %s, %.1f s",
        summary.rows, chosen.k, ks[0], ks[-1], settings.selection.rule, chosen.silhouette, version, seconds,
    )  # fmt: skip
    counts = {
        "tracks": summary.rows,
        "spaces": len(model.spaces),
        "ks": ks,
        "chosen": chosen.k,
        "silhouette": chosen.silhouette,
        "seconds": seconds,
    }
    return TrainResult(stage="train", inputs=inputs, counts=counts, model_version=version, pipeline=model.pipeline)


def _absent_features(settings: Settings, summary: Row) -> list[str]:
    """Return the optional features without a value in any track, and log their names.

    Optional are the year, and the features in the setting ``features.optional``.
    """
    columns = dict.fromkeys(name for listed in (settings.features.columns, *settings.tuning.columns) for name in listed)
    optional = {*settings.features.optional, YEAR}
    absent = [name for name in columns if name in optional and summary[name] == summary.rows]
    if absent:
        log.info("train: no track has %s: left out of the features", ", ".join(absent))
    return absent


def _require_features(summary: Row, spaces: Sequence[FeatureSpace]) -> None:
    columns = list(dict.fromkeys(name for space in spaces for name in space.columns))
    if not columns:
        raise ClusteringError("no track has any of features.columns; name features that tracks have")
    lacking = [name for name in columns if summary[name] and not any(name in space.imputed for space in spaces)]
    if lacking:
        listed = ", ".join(f"{summary[name]} lack {name}" for name in lacking)
        raise ClusteringError(
            f"of {summary.rows} tracks {listed}; fill the gaps with --set features.missing=median, "
            "leave the feature out of features.columns and tuning.columns, or ingest all files with "
            "--set ingest.mode=snapshot, which removes tracks whose rows are rejected now"
        )
    empty = [name for name in columns if summary[name] == summary.rows]
    if empty:
        raise ClusteringError(f"no track has {', '.join(empty)}; leave it out of features.columns and tuning.columns")


def _score_rows(version: str, fitted: Sequence[SpaceFits], chosen: Fit) -> list[dict[str, Any]]:
    return [
        {
            "model_version": version,
            "space": each.space.name,
            "k": fit.k,
            "inertia": fit.inertia,
            "silhouette": fit.silhouette,
            "davies_bouldin": fit.davies_bouldin,
            "calinski_harabasz": fit.calinski_harabasz,
            "genre_nmi": fit.agreement.nmi,
            "genre_ari": fit.agreement.ari,
            "genre_purity": fit.agreement.purity,
            "engine": fit.engine,
            "restarts": fit.restarts,
            "iterations": fit.iterations,
            "stability": fit.stability.mean if fit.stability else None,
            "stability_sd": fit.stability.sd if fit.stability else None,
            "chosen": fit is chosen,
        }
        for each in fitted
        for fit in each.fits
    ]


def _model(
    settings: Settings, version: str, best: SpaceFits, tracks: DataFrame, chosen: Fit
) -> tuple[PipelineModel, model_card.ModelCard]:
    """Make the model of the chosen fit: its pyspark.ml pipeline and its ModelCard. Runs Spark jobs.

    A ModelCard is the content of ``model.json``. ``best`` has the feature space of ``chosen`` and its fitted stages;
    ``version`` is the model's name.
    """
    space, preparation = best.space, best.preparation
    centres = chosen.centres[feature_space.cluster_order(chosen.sizes, chosen.centres)]
    pipeline = feature_space.pipeline_with_centres(tracks.sparkSession, preparation, space, centres)
    n_tracks = int(chosen.sizes.sum())
    labeled = labels.with_point(tracks, pipeline)
    if n_tracks <= CACHED_MAX_TRACKS:
        labeled = labeled.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        with parallel_jobs(tracks.sparkSession) as submit:
            evaluation = submit(_require_same_silhouette, labeled, chosen) if n_tracks <= EVALUATED_MAX_TRACKS else None
            stats = fit_cluster_stats(labeled, centres)
            rows = profiles.fit_profiles(labels.with_distances(labeled, stats), int(stats.sizes.sum()))
            if evaluation:
                evaluation.result()
    finally:
        labeled.unpersist()
    card = model_card.ModelCard(
        model_version=version,
        trained_at=datetime.now(UTC).isoformat(),
        settings=training_settings(settings),
        versions=versions(),
        space=space.name,
        features=list(space.columns),
        imputed=feature_space.imputed_values(preparation, space),
        log=list(space.log),
        scaler=feature_space.scaler_parameters(preparation),
        weights=space.factors,
        log_offsets=dict(space.log_offsets),
        discriminants=space.discriminants.to_json() if space.discriminants else None,
        n_tracks=int(stats.sizes.sum()),
        silhouette=chosen.silhouette,
        centres=feature_space.to_original_units(centres, preparation, space).tolist(),
        centres_scaled=centres.tolist(),
        sizes=stats.sizes.tolist(),
        cluster_names=[row["cluster_name"] for row in rows],
        cluster_descriptions=[row["cluster_description"] for row in rows],
        thresholds=stats.thresholds.tolist(),
        sums=stats.sums.tolist(),
        square_sums=stats.square_sums.tolist(),
        profiles=rows,
    )
    return pipeline, card


def _require_same_silhouette(labeled: DataFrame, chosen: Fit) -> None:
    """Raise RuntimeError if pyspark.ml's ClusteringEvaluator computes another silhouette than ``chosen.silhouette``.

    Runs Spark jobs. ``labeled`` has the tracks with the columns ``point`` and ``cluster``. Differences up to 1e-6 are
    accepted as rounding.
    """
    silhouette = ClusteringEvaluator(featuresCol="point", predictionCol="cluster").evaluate(labeled)
    if abs(silhouette - chosen.silhouette) > 1e-6:
        raise RuntimeError(
            f"k = {chosen.k}: the engine's silhouette is {chosen.silhouette}, ClusteringEvaluator's is {silhouette}"
        )


def _work(run: Run) -> None:
    """Fit K-means for every k, choose one k, and save it as a model."""
    run.record(train_clusters(run.store, run.settings))


JOB = Job("train_clusters", _work)
