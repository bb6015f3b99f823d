"""Every feature space that the settings ask for, its grid fitted."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue import features
from segue.clustering import grid, model, selection
from segue.clustering.fit import Budget, Fit
from segue.clustering.fused.passes import Memory
from segue.clustering.spaces import best_space
from segue.config import Settings
from segue.features import Space
from segue.kept import LEVEL
from segue.layout import laid_out

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fitted:
    """One space: its fitted stages up to the scaled points, and the fits of its grid."""

    space: Space
    preparation: PipelineModel
    fits: list[Fit]


def wanted_spaces(settings: Settings) -> list[Space]:
    """Return the space of ``[features]`` and then the other combinations that ``[tuning]`` makes, none twice."""
    chosen, tuning = settings.features, settings.tuning
    found: dict[str, Space] = {}
    for columns, scaler, log1p, weights in product(
        (chosen.columns, *tuning.columns),
        (chosen.scaler, *tuning.scalers),
        (chosen.log, *tuning.log),
        (chosen.weights, *tuning.weights),
    ):
        space = Space(
            columns,
            scaler,
            chosen.missing == "median",
            tuple(name for name in log1p if name in columns),
            {name: weight for name, weight in weights.items() if name in columns},
        )
        found.setdefault(space.name, space)
    return list(found.values())


def fit_spaces(settings: Settings, tracks: DataFrame, n_tracks: int, memories: Sequence[Memory]) -> list[Fitted]:
    """Fit the grid in every space.

    Parameters
    ----------
    tracks : columns of ``tracks``; a feature of a space is null only where it is to be imputed
    n_tracks : how many
    memories : one for each space
    """
    spaces = wanted_spaces(settings)
    columns = list(dict.fromkeys(name for space in spaces for name in space.columns))
    compared = tracks.select("track_id", "genre", *columns)
    halves = settings.selection.halves if _needs_stability(settings, spaces, compared) else 0
    found: list[Fitted] = []
    for space, memory in zip(spaces, memories, strict=True):
        if len(spaces) > 1:
            log.info("space %d of %d: %s", len(found) + 1, len(spaces), space.name)
        found.append(_fit_space(settings, space, compared, n_tracks, halves, memory))
    return found


def choose(settings: Settings, fitted: list[Fitted]) -> tuple[Fitted, Fit]:
    """Return the best space, and in it the fit that the rule chooses."""
    best = fitted[best_space([each.fits for each in fitted])]
    rule = settings.selection
    k = selection.choose(best.fits, rule=rule.rule, fewest=rule.fewest, k=rule.k)
    return best, next(fit for fit in best.fits if fit.k == k)


def _needs_stability(settings: Settings, spaces: list[Space], tracks: DataFrame) -> bool:
    if settings.selection.rule == "stable":
        return True
    return len(spaces) > 1 and not tracks.where(F.col("genre").isNotNull()).limit(1).count()


def _fit_space(
    settings: Settings, space: Space, tracks: DataFrame, n_tracks: int, halves: int, memory: Memory
) -> Fitted:
    clustering = settings.clustering
    if not space.is_exact:
        # quantiles and sums of rounded numbers see which rows share a partition, and their order
        tracks = laid_out(tracks, n_tracks, "track_id").persist(LEVEL)
    preparation = Pipeline(stages=features.stages(space)).fit(tracks)
    for name in model.constant_features(preparation, space):
        log.warning("all tracks have the same %s, so it tells no clusters apart", name)
    points = preparation.transform(tracks).select("track_id", "genre", F.col(space.output).alias("point"))
    budget = Budget(
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
            memory=memory,
        )
    finally:
        tracks.unpersist()
    return Fitted(space, preparation, fits)


def _ks(settings: Settings) -> tuple[int, ...]:
    ks, rule = settings.clustering.ks, settings.selection
    return tuple(sorted({*ks, rule.k})) if rule.rule == "fixed" and rule.k is not None else ks
