"""Every feature space that the settings ask for, its grid fitted."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue.clustering import feature_space, grid, pipeline_model, selection
from segue.clustering.feature_space import FeatureSpace
from segue.clustering.selection import best_space
from segue.core.grid_result import Fit, GridOptions
from segue.core.spark_helpers import DISK_LEVEL, repartition_deterministically
from segue.kmeans_grid.lloyd import CheckpointStore
from segue.settings.loading import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpaceFits:
    """One space: its fitted stages up to the scaled points, and the fits of its grid."""

    space: FeatureSpace
    preparation: PipelineModel
    fits: list[Fit]


def requested_spaces(settings: Settings) -> list[FeatureSpace]:
    """Return the space of ``[features]`` and then the other combinations that ``[tuning]`` makes, none twice."""
    chosen, tuning = settings.features, settings.tuning
    found: dict[str, FeatureSpace] = {}
    for columns, scaler, log1p, weights in product(
        (chosen.columns, *tuning.columns),
        (chosen.scaler, *tuning.scalers),
        (chosen.log, *tuning.log),
        (chosen.weights, *tuning.weights),
    ):
        space = FeatureSpace(
            columns,
            scaler,
            chosen.missing == "median",
            tuple(name for name in log1p if name in columns),
            {name: weight for name, weight in weights.items() if name in columns},
        )
        found.setdefault(space.name, space)
    return list(found.values())


def fit_spaces(
    settings: Settings, tracks: DataFrame, n_tracks: int, memories: Sequence[CheckpointStore]
) -> list[SpaceFits]:
    """Fit the grid in every space.

    Parameters
    ----------
    tracks : columns of ``tracks``; a feature of a space is null only where it is to be imputed
    n_tracks : how many
    memories : one for each space
    """
    spaces = requested_spaces(settings)
    columns = list(dict.fromkeys(name for space in spaces for name in space.columns))
    compared = tracks.select("track_id", "genre", *columns)
    halves = settings.selection.halves if _needs_stability(settings, spaces, compared) else 0
    found: list[SpaceFits] = []
    for space, memory in zip(spaces, memories, strict=True):
        if len(spaces) > 1:
            log.info("space %d of %d: %s", len(found) + 1, len(spaces), space.name)
        found.append(_fit_space(settings, space, compared, n_tracks, halves, memory))
    return found


def choose_fit(settings: Settings, fitted: list[SpaceFits]) -> tuple[SpaceFits, Fit]:
    """Return the best space, and in it the fit that the rule chooses."""
    best = fitted[best_space([each.fits for each in fitted])]
    rule = settings.selection
    k = selection.choose_k(best.fits, rule=rule.rule, min_k=rule.fewest, k=rule.k)
    return best, next(fit for fit in best.fits if fit.k == k)


def _needs_stability(settings: Settings, spaces: list[FeatureSpace], tracks: DataFrame) -> bool:
    if settings.selection.rule == "stable":
        return True
    return len(spaces) > 1 and not tracks.where(F.col("genre").isNotNull()).limit(1).count()


def _fit_space(
    settings: Settings, space: FeatureSpace, tracks: DataFrame, n_tracks: int, halves: int, memory: CheckpointStore
) -> SpaceFits:
    clustering = settings.clustering
    if not space.is_order_independent:
        # quantiles and sums of rounded numbers see which rows share a partition, and their order
        tracks = repartition_deterministically(tracks, n_tracks, "track_id").persist(DISK_LEVEL)
    preparation = Pipeline(stages=feature_space.preparation_stages(space)).fit(tracks)
    for name in pipeline_model.constant_features(preparation, space):
        log.warning("all tracks have the same %s, so it tells no clusters apart", name)
    points = preparation.transform(tracks).select("track_id", "genre", F.col(space.output).alias("point"))
    budget = GridOptions(
        clustering.restarts, clustering.max_iter, clustering.tol, clustering.seed, clustering.sample, halves
    )
    try:
        fits = grid.fit_grid(
            points,
            _ks(settings),
            budget,
            engine=clustering.engine,
            n_points=n_tracks,
            bound=space.bound,
            checkpoints=memory,
        )
    finally:
        tracks.unpersist()
    return SpaceFits(space, preparation, fits)


def _ks(settings: Settings) -> tuple[int, ...]:
    ks, rule = settings.clustering.ks, settings.selection
    return tuple(sorted({*ks, rule.k})) if rule.rule == "fixed" and rule.k is not None else ks
