"""Fit K-means for every k in every feature space of the settings, and choose a space and a k.

A feature space is a choice of columns, scaler, logarithms and weights.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segue.clustering import feature_space, selection, spark_engine
from segue.clustering.feature_space import FeatureSpace
from segue.clustering.guide import artist_half, fit_guide
from segue.core.grid_result import Fit, GridOptions
from segue.core.metrics import Agreement
from segue.core.spark_helpers import persisted, repartition_deterministically
from segue.errors import ClusteringError
from segue.kmeans_grid import engine as fused
from segue.kmeans_grid.lloyd import CheckpointStore
from segue.settings import YEAR, Settings


def fit_grid(
    points: DataFrame,
    ks: Sequence[int],
    options: GridOptions,
    *,
    engine: str = fused.NAME,
    n_points: int | None = None,
    bound: float | None = None,
    checkpoints: CheckpointStore | None = None,
) -> list[Fit]:
    """Fit K-means for every k and score each fit on all points. Runs Spark jobs.

    Parameters
    ----------
    points : columns ``track_id`` (string), ``point`` (vector, shape (n_features,), scaled units) and ``genre``
        (string or null)
    ks : numbers of clusters, ascending
    options : restarts, iterations, tolerance, seed and sample size
    engine : ``fused`` or ``spark-ml``
    n_points, bound : number of rows, and an upper bound of the absolute values in ``point``
        Computed from the data if None; ``spark-ml`` ignores ``bound``.
    checkpoints : storage for intermediate states of the fused engine, from which an interrupted grid resumes

    Returns
    -------
    list of Fit
        One per k, in the order given. A k is left out, with a warning, if it is above the number of distinct points, or
        if the fit ends with an empty cluster (with ``spark-ml``: the fit of every start). ``silhouette`` is in [-1, 1]
        and uses *squared* Euclidean distance, the default of ClusteringEvaluator; scikit-learn's default is the
        unsquared distance.

    Raises
    ------
    ClusteringError
        If every k is left out, for example because there are fewer distinct points than the smallest k. With
        ``fused``, also if a value is missing or not finite.

    References
    ----------
    P. J. Rousseeuw (1987), "Silhouettes: a graphical aid to the interpretation and validation of
    cluster analysis", J. Comput. Appl. Math. 20, 53-65.
    """
    if engine == spark_engine.NAME:
        return spark_engine.fit(points, ks, options, n_points=n_points)
    return fused.fit(
        points,
        ks,
        options,
        id_column="track_id",
        class_column="genre",
        n_points=n_points,
        bound=bound,
        checkpoint=checkpoints,
    )


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpaceFits:
    """The K-means fits in one feature space, one per k, and the fitted pyspark.ml stages that compute its points."""

    space: FeatureSpace
    preparation: PipelineModel
    fits: list[Fit]


def requested_spaces(settings: Settings, absent: Collection[str] = ()) -> list[FeatureSpace]:
    """Return the distinct feature spaces to fit: all combinations of the settings in ``features`` and ``tuning``.

    A FeatureSpace is a choice of columns, scaler, logarithms and weights. The first in the list has the values of the
    section ``features``. The features in ``absent`` are left out of all spaces. A space in which no feature remains is
    not returned, so the list may be empty.
    """
    features, tuning = settings.features, settings.tuning
    spaces: dict[str, FeatureSpace] = {}
    for listed, scaler, logs, weights in product(
        (features.columns, *tuning.columns),
        (features.scaler, *tuning.scalers),
        (features.log, *tuning.log),
        (features.weights, *tuning.weights),
    ):
        columns = tuple(name for name in listed if name not in absent)
        offsets = logs if isinstance(logs, Mapping) else {}
        space = FeatureSpace(
            columns,
            scaler,
            features.missing == "median",
            tuple(name for name in logs if name in columns and name not in offsets),
            {name: weight for name, weight in weights.items() if name in columns},
            {name: offset for name, offset in offsets.items() if name in columns},
            (*features.optional, YEAR),
            None if features.guide == "none" else features.guide,
        )
        if columns:
            spaces.setdefault(space.name, space)
    return list(spaces.values())


def fit_spaces(
    settings: Settings,
    spaces: Sequence[FeatureSpace],
    tracks: DataFrame,
    n_tracks: int,
    checkpoints: Sequence[CheckpointStore | None],
) -> list[SpaceFits]:
    """Fit K-means for every k in every feature space. Runs Spark jobs.

    Parameters
    ----------
    settings : uses the sections ``clustering`` and ``selection``
    spaces : the feature spaces, from ``requested_spaces``
    tracks : DataFrame with the columns of the table ``tracks``; a feature may be null only if it is imputed
    n_tracks : number of rows
    checkpoints : one per space: storage for its unfinished fits, from which a run resumes after an interruption; None
        for no storage

    Returns
    -------
    list of SpaceFits
        One per feature space, in the order of ``spaces``.

    Raises
    ------
    ClusteringError
        In the cases of ``fit_grid``. For a guided space, also if there are too few genres or they cannot be separated.
    """
    columns = list(dict.fromkeys(name for space in spaces for name in space.columns))
    artist = ["artist"] if any(space.guide for space in spaces) else []
    tracks = tracks.select("track_id", "genre", *artist, *columns)
    subsamples = settings.selection.subsamples if _needs_stability(settings, spaces, tracks) else 0
    fitted: list[SpaceFits] = []
    for space, checkpoint in zip(spaces, checkpoints, strict=True):
        if len(spaces) > 1:
            log.info("space %d of %d: %s", len(fitted) + 1, len(spaces), space.name)
        if space.is_order_independent:
            fitted.append(_fit_space(settings, space, tracks, n_tracks, subsamples, checkpoint))
        else:
            # quantiles and floating-point sums depend on the partitions and the order of rows
            with persisted(repartition_deterministically(tracks, n_tracks, "track_id")) as ordered:
                fit = _fit_guided if space.guide else _fit_space
                fitted.append(fit(settings, space, ordered, n_tracks, subsamples, checkpoint))
    return fitted


def choose_fit(settings: Settings, fitted: list[SpaceFits]) -> tuple[SpaceFits, Fit]:
    """Choose a feature space by ``selection.best_space``, and in it a k by the setting ``selection.rule``.

    Returns the SpaceFits and the Fit.
    """
    best = fitted[selection.best_space([each.fits for each in fitted])]
    chosen_by = settings.selection
    k = selection.choose_k(best.fits, rule=chosen_by.rule, min_k=chosen_by.min_k, k=chosen_by.k)
    return best, next(fit for fit in best.fits if fit.k == k)


def _needs_stability(settings: Settings, spaces: Sequence[FeatureSpace], tracks: DataFrame) -> bool:
    """Return whether the stability of fits must be measured. Runs at most one Spark job.

    Stability is the agreement of fits on random halves of the points. The rule ``stable`` chooses k by stability. If no
    track has a genre, stability also decides between several feature spaces.
    """
    if settings.selection.rule == "stable":
        return True
    return len(spaces) > 1 and not tracks.where(F.col("genre").isNotNull()).limit(1).count()


def _fit_guided(
    settings: Settings,
    space: FeatureSpace,
    tracks: DataFrame,
    n_tracks: int,
    subsamples: int,
    checkpoint: CheckpointStore | None,
) -> SpaceFits:
    """Learn the discriminants of a feature space from genres, fit K-means, and cross-validate the genre agreement.

    Discriminants are linear combinations of the features that separate the genres; K-means clusters by them.

    For the cross-validation, the tracks are divided into two halves by artist. For every k, K-means is fitted to the
    tracks of each half, with discriminants learned from the other half. The agreement of a k with genres is the mean
    over the two halves. Imputation and scaler use no genres and are fitted to all tracks.
    """
    guided = fit_guide(tracks, space)
    fitted = _fit_space(settings, guided.space, tracks, n_tracks, subsamples, checkpoint)
    by_half: list[dict[int, Agreement]] = []
    for half, other in enumerate(guided.by_half):
        try:
            fits = _fit_space(settings, other, tracks, None, 0, None, artist_half() != half).fits
        except ClusteringError as error:  # too few distinct tracks
            log.warning("agreement with genres is not measured: %s", error)
            fits = []
        by_half.append({fit.k: fit.agreement for fit in fits})
    fits = [replace(fit, agreement=_mean([each.get(fit.k) for each in by_half])) for fit in fitted.fits]
    return replace(fitted, fits=fits)


def _mean(agreements: Sequence[Agreement | None]) -> Agreement:
    """Return the mean of each score of several Agreements (of clusters with genres), as an Agreement.

    The mean of a score is None if an Agreement does not have the score. All means are None if an Agreement is None, or
    if the list is empty.
    """
    scores = zip(*(agreement or Agreement(None, None, None) for agreement in agreements), strict=True)
    means = [None if None in values else sum(values) / len(values) for values in scores]
    return Agreement(*means) if means else Agreement(None, None, None)


def _fit_space(
    settings: Settings,
    space: FeatureSpace,
    tracks: DataFrame,
    n_tracks: int | None,
    subsamples: int,
    checkpoint: CheckpointStore | None,
    part: Column | None = None,
) -> SpaceFits:
    """Fit the preparation (imputer, scaler) of a feature space to all tracks, then K-means for every k.

    K-means is fitted to the tracks where ``part``, a boolean Column, is true; by default to all tracks. ``n_tracks`` is
    the number of tracks that K-means is fitted to, None if unknown.
    """
    clustering = settings.clustering
    preparation = Pipeline(stages=feature_space.preparation_stages(space)).fit(tracks)
    for name in feature_space.constant_features(preparation, space):
        log.warning("all tracks have the same %s, so it does not distinguish clusters", name)
    clustered = tracks if part is None else tracks.where(part)
    points = preparation.transform(clustered).select("track_id", "genre", F.col(space.output).alias("point"))
    options = GridOptions(
        restarts=clustering.restarts,
        max_iter=clustering.max_iter,
        tol=clustering.tol,
        seed=clustering.seed,
        sample_size=clustering.sample_size,
        subsamples=subsamples,
    )
    fits = fit_grid(
        points,
        _ks(settings),
        options,
        engine=clustering.engine,
        n_points=n_tracks,
        bound=space.bound,
        checkpoints=checkpoint,
    )
    return SpaceFits(space, preparation, fits)


def _ks(settings: Settings) -> tuple[int, ...]:
    """Return the numbers of clusters to fit: ``clustering.ks`` and, if the rule is "fixed", also ``selection.k``."""
    ks, chosen_by = settings.clustering.ks, settings.selection
    return tuple(sorted({*ks, chosen_by.k})) if chosen_by.rule == "fixed" and chosen_by.k is not None else ks
