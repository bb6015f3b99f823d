"""``tracks`` become ``k_scores`` and ``models/VERSION/``."""

import logging
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from segue import schema
from segue.clustering import labels, model_card, pipeline_model, profiles
from segue.clustering.cluster_stats import fit_cluster_stats
from segue.clustering.feature_space import FeatureSpace
from segue.core.grid_result import Fit
from segue.core.resources import versions
from segue.core.spark_helpers import parallel_jobs
from segue.errors import ClusteringError
from segue.pipeline.tuning import SpaceFits, choose_fit, fit_spaces, requested_spaces
from segue.runtime.runner import Job, Run
from segue.settings.loading import Settings
from segue.storage.model_store import ModelStore

log = logging.getLogger(__name__)
CHECKED_UP_TO = 10_000
"""Tracks: up to so many the chosen silhouette is measured by ClusteringEvaluator too."""
KEPT_UP_TO = 200_000
"""Tracks: more are labeled again for each look at them, which takes less than to keep them with all their texts."""


def work(run: Run) -> None:
    """Fit every k, choose one, and save it as a model."""
    train(run)


def train(run: Run) -> tuple[str, PipelineModel | None]:
    """Train, and return the model's version and the model; None where the same work was done before."""
    started = time.monotonic()
    tracks = run.at_hand(run.store.read(schema.TRACKS))
    run.inputs["tracks"] = run.store.seen[schema.TRACKS.name]
    survey = _survey(tracks)
    version = model_card.model_version(
        {
            "tracks": {name: survey[name] for name in ("rows", "total", "parity")},
            "settings": training_settings(run.settings),
            "versions": {name: versions()[name] for name in ("segue", "pyspark", "numpy")},
        }
    )
    models = ModelStore(run.store.root, model_card.FILE_NAME)
    if models.card(version):
        log.info(
            "train: model %s was made of the same tracks and settings before, nothing to do; where another was trained "
            "since, --set label.model_version=%s has this one label", version, version,
        )  # fmt: skip
        return version, None
    wanted = requested_spaces(run.settings)
    _require_features(survey, wanted)
    memories = [models.memory(version, f"grid_{place}") for place in range(len(wanted))]
    fitted = fit_spaces(run.settings, tracks, survey.rows, memories)
    best, chosen = choose_fit(run.settings, fitted)
    pipeline, made = _model(run, version, best, tracks, chosen)
    with parallel_jobs(run.spark) as begin:
        saved = begin(models.save, version, pipeline)
        run.store.sync_few(schema.K_SCORES, _score_rows(version, fitted, chosen))
        saved.result()
    models.finish(version, made.to_json())
    run.counts["train"] = {
        "tracks": survey.rows,
        "spaces": len(fitted),
        "ks": [fit.k for fit in best.fits],
        "chosen": chosen.k,
        "silhouette": chosen.silhouette,
        "seconds": round(time.monotonic() - started, 3),
    }
    log.info(
        "train: %d tracks, k %d of %d to %d by %s, silhouette %.3f, model %s, %.1f s",
        survey.rows, chosen.k, best.fits[0].k, best.fits[-1].k, run.settings.selection.rule, chosen.silhouette,
        version, run.counts["train"]["seconds"],
    )  # fmt: skip
    return version, pipeline


def _require_same_silhouette(labeled: DataFrame, chosen: Fit) -> None:
    """Have pyspark.ml measure the chosen clusters too: nobody should need to trust the engine alone."""
    evaluator = ClusteringEvaluator(featuresCol="point", predictionCol="cluster")
    found = evaluator.evaluate(labeled)
    if abs(found - chosen.silhouette) > 1e-6:
        raise RuntimeError(f"k {chosen.k}: silhouette {chosen.silhouette}, but ClusteringEvaluator finds {found}")


def training_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that decide which model comes out, as JSON has them."""
    return model_card.as_json(
        {
            "features": asdict(settings.features),
            "clustering": asdict(settings.clustering),
            "selection": asdict(settings.selection),
            "tuning": asdict(settings.tuning),
        }
    )


def _survey(tracks: DataFrame) -> Row:
    """Return how many tracks there are, what changes when their content does, and how many lack each feature."""
    row_hash = F.xxhash64(*schema.TRACKS.names)
    return tracks.agg(
        F.count("*").alias("rows"),
        F.sum(row_hash.cast("decimal(38,0)")).cast("string").alias("total"),
        F.bit_xor(row_hash).alias("parity"),
        *(F.count_if(F.col(name).isNull()).alias(name) for name in schema.FEATURE_NAMES),
    ).collect()[0]


def _require_features(survey: Row, spaces: list[FeatureSpace]) -> None:
    columns = list(dict.fromkeys(name for space in spaces for name in space.columns))
    lacking = [name for name in columns if survey[name] and not spaces[0].impute]
    if lacking:
        told = ", ".join(f"{survey[name]} lack {name}" for name in lacking)
        raise ClusteringError(
            f"of {survey.rows} tracks {told}; fill the gaps with --set features.missing=median, "
            "leave the feature out of features.columns and tuning.columns, or ingest all files with "
            "--set ingest.mode=snapshot, which removes tracks whose rows are rejected now"
        )
    empty = [name for name in columns if survey[name] == survey.rows]
    if empty:
        raise ClusteringError(f"no track has {', '.join(empty)}; leave it out of features.columns and tuning.columns")


def _score_rows(version: str, fitted: list[SpaceFits], chosen: Fit) -> list[dict[str, Any]]:
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
    run: Run, version: str, best: SpaceFits, tracks: DataFrame, chosen: Fit
) -> tuple[PipelineModel, model_card.ModelCard]:
    """Return the pipeline that labels, and the card that says all it knows."""
    space, preparation = best.space, best.preparation
    centres = chosen.centres[pipeline_model.cluster_order(chosen.sizes, chosen.centres)]
    pipeline = pipeline_model.pipeline_with_centres(run.spark, preparation, space, centres)
    labeled = labels.with_point(tracks, pipeline)
    if chosen.sizes.sum() <= KEPT_UP_TO:
        labeled = labeled.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        with parallel_jobs(run.spark) as begin:
            check = begin(_require_same_silhouette, labeled, chosen) if chosen.sizes.sum() <= CHECKED_UP_TO else None
            frozen = fit_cluster_stats(labeled, centres)
            found = profiles.fit_profiles(labels.with_distances(labeled, frozen), int(frozen.sizes.sum()))
            if check:
                check.result()
    finally:
        labeled.unpersist()
    made = model_card.ModelCard(
        model_version=version,
        trained_at=datetime.now(UTC).isoformat(),
        settings=training_settings(run.settings),
        versions=versions(),
        space=space.name,
        features=list(space.columns),
        imputed=pipeline_model.imputed_values(preparation, space),
        log=list(space.log),
        scaler=pipeline_model.scaler_parameters(preparation),
        weights=dict(space.weights),
        n_tracks=int(frozen.sizes.sum()),
        silhouette=chosen.silhouette,
        centres=pipeline_model.to_original_units(centres, preparation, space).tolist(),
        centres_scaled=centres.tolist(),
        sizes=frozen.sizes.tolist(),
        cluster_names=[row["cluster_name"] for row in found],
        cluster_descriptions=[row["cluster_description"] for row in found],
        thresholds=frozen.thresholds.tolist(),
        sums=frozen.sums.tolist(),
        square_sums=frozen.square_sums.tolist(),
        profiles=found,
    )
    return pipeline, made


JOB = Job("train_clusters", work)
