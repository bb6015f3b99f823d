"""``tracks`` become ``k_scores`` and ``models/VERSION/``."""

import logging
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from segue import features, schema
from segue.clustering import card, grid, labels, model, profiles, selection
from segue.clustering.fit import Budget, Fit
from segue.config import Settings
from segue.errors import ClusteringError
from segue.features import Space
from segue.job import Job, Run, versions
from segue.layout import laid_out
from segue.models import Models

log = logging.getLogger(__name__)


def work(run: Run) -> None:
    """Fit every k, choose one, and save it as a model."""
    train(run)


def train(run: Run) -> str:
    """Train, unless the same work was done before, and return the model's version."""
    started = time.monotonic()
    tracks = run.store.read(schema.TRACKS)
    run.inputs["tracks"] = run.store.seen[schema.TRACKS.name]
    fingerprint = _fingerprint(tracks)
    version = card.model_version(
        {
            "tracks": fingerprint,
            "settings": training_settings(run.settings),
            "versions": {name: versions()[name] for name in ("segue", "pyspark", "numpy")},
        }
    )
    models = Models(run.store.root, card.FILE_NAME)
    if models.card(version):
        log.info("train: model %s was made of the same tracks and settings before, nothing to do", version)
        return version
    space = _space(run.settings)
    _require_features(tracks, space)
    compared = tracks.select("track_id", "genre", *space.columns)
    in_order = laid_out(compared, fingerprint["rows"], "track_id").persist(StorageLevel.MEMORY_AND_DISK)
    preparation = Pipeline(stages=features.stages(space)).fit(in_order)
    for name in model.constant_features(preparation, space):
        log.warning("all tracks have the same %s, so it tells no clusters apart", name)
    fits, chosen = _fit(run.settings, preparation, space, in_order)
    in_order.unpersist()
    pipeline, made = _model(run, version, space, preparation, tracks, chosen)
    run.store.sync(schema.K_SCORES, _score_rows(run, version, space, fits, chosen.k))
    models.save(version, pipeline, made.to_json())
    run.counts["train"] = {
        "tracks": fingerprint["rows"],
        "ks": [fit.k for fit in fits],
        "chosen": chosen.k,
        "silhouette": chosen.silhouette,
        "seconds": round(time.monotonic() - started, 3),
    }
    log.info(
        "train: %d tracks, k %d of %d to %d by %s, silhouette %.3f, model %s, %.1f s",
        fingerprint["rows"], chosen.k, fits[0].k, fits[-1].k, run.settings.selection.rule, chosen.silhouette,
        version, run.counts["train"]["seconds"],
    )  # fmt: skip
    return version


def training_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that decide which model comes out, as JSON has them."""
    return card.as_json(
        {
            "features": asdict(settings.features),
            "clustering": asdict(settings.clustering),
            "selection": asdict(settings.selection),
        }
    )


def _space(settings: Settings) -> Space:
    chosen = settings.features
    return Space(chosen.columns, chosen.scaler, chosen.missing == "median", chosen.log, chosen.weights)


def _fingerprint(tracks: DataFrame) -> dict[str, Any]:
    """Return what changes when the content of the tracks does, whatever their order."""
    row_hash = F.xxhash64(*schema.TRACKS.names)
    row = tracks.agg(
        F.count("*").alias("rows"),
        F.sum(row_hash.cast("decimal(38,0)")).cast("string").alias("total"),
        F.bit_xor(row_hash).alias("parity"),
    ).collect()[0]
    return row.asDict()


def _require_features(tracks: DataFrame, space: Space) -> None:
    missing = tracks.agg(
        F.count("*").alias("rows"), *(F.count_if(F.col(name).isNull()).alias(name) for name in space.columns)
    ).collect()[0]
    lacking = [name for name in space.columns if missing[name] and not space.impute]
    if lacking:
        told = ", ".join(f"{missing[name]} lack {name}" for name in lacking)
        raise ClusteringError(
            f"of {missing['rows']} tracks {told}; fill the gaps with --set features.missing=median, "
            "or leave the feature out of features.columns"
        )
    empty = [name for name in space.columns if missing[name] == missing["rows"]]
    if empty:
        raise ClusteringError(f"no track has {', '.join(empty)}; leave it out of features.columns")


def _fit(settings: Settings, preparation: PipelineModel, space: Space, tracks: DataFrame) -> tuple[list[Fit], Fit]:
    """Fit the grid, and return all fits and the chosen one."""
    clustering, rule = settings.clustering, settings.selection
    points = preparation.transform(tracks).select("track_id", "genre", F.col(space.output).alias("point"))
    points = points.persist(StorageLevel.MEMORY_AND_DISK)
    ks = clustering.ks
    if rule.rule == "fixed" and rule.k is not None:
        ks = tuple(sorted({*ks, rule.k}))
    try:
        fits = grid.fit_grid(
            points,
            ks,
            Budget(clustering.restarts, clustering.max_iter, clustering.tol, clustering.seed, clustering.sample),
            engine=clustering.engine,
            bound=space.bound,
        )
    finally:
        points.unpersist()
    k = selection.choose(fits, rule=rule.rule, fewest=rule.fewest, k=rule.k)
    return fits, next(fit for fit in fits if fit.k == k)


def _score_rows(run: Run, version: str, space: Space, fits: list[Fit], chosen: int) -> DataFrame:
    rows = [
        {
            "model_version": version,
            "space": space.name,
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
            "chosen": fit.k == chosen,
        }
        for fit in fits
    ]
    return run.spark.createDataFrame(rows, schema.K_SCORES.ddl).coalesce(1)


def _model(
    run: Run, version: str, space: Space, preparation: PipelineModel, tracks: DataFrame, chosen: Fit
) -> tuple[PipelineModel, card.ModelCard]:
    """Return the pipeline that labels, and the card that says all it knows."""
    centres = chosen.centres[model.in_order(chosen.sizes, chosen.centres)]
    pipeline = model.with_centres(run.spark, preparation, space, centres)
    labeled = labels.with_point(tracks, pipeline).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        frozen = profiles.fit_frozen(labeled, centres)
        found = profiles.fit_profiles(labels.with_place(labeled, frozen), int(frozen.sizes.sum()))
    finally:
        labeled.unpersist()
    made = card.ModelCard(
        model_version=version,
        trained_at=datetime.now(UTC).isoformat(),
        settings=training_settings(run.settings),
        versions=versions(),
        space=space.name,
        features=list(space.columns),
        imputed=model.imputed_numbers(preparation, space),
        log=list(space.log),
        scaler=model.scaler_numbers(preparation),
        weights=dict(space.weights),
        n_tracks=int(frozen.sizes.sum()),
        silhouette=chosen.silhouette,
        centres=model.to_units(centres, preparation, space).tolist(),
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
