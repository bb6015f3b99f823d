"""Read, cluster and compare tracks in the caller's Spark session: the Python API of ``import segue``.

Only ``run_pipeline`` writes files. Nothing stays persisted after a call, unless the function's docstring says so.
Each function takes settings as a nested mapping, such as ``{"clustering": {"restarts": 20}}``, see
``conf/defaults.toml``. Invalid settings raise ``segue.errors.SettingsError`` with a message that lists every fault.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue import schema
from segue.clustering import labels
from segue.clustering.model_card import ModelCard, with_words
from segue.core.spark_helpers import DISK_LEVEL, persisted_unless_cached
from segue.errors import InputError
from segue.ingest import merge
from segue.ingest.input_files import list_input, require_visible_input
from segue.pipeline.ingest import check_sources, read_input
from segue.pipeline.learn import candidate_options, match_playlists
from segue.pipeline.run_all import PipelineResult, run_stages
from segue.pipeline.similarity_inputs import similarity_options
from segue.pipeline.train import fit_model, summarise
from segue.settings import load
from segue.similarity import neighbours
from segue.similarity.learned_weights import LearnedWeights, fit_weights
from segue.similarity.scaling import fit_scaling
from segue.similarity.seeds import parse_line
from segue.storage.store import Store

log = logging.getLogger(__name__)

SettingsMapping = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """The result of ``fit_clusters``: the fitted pipeline, the scores of every k, and the clusters' profiles.

    Contains no cached Spark DataFrame.

    Attributes
    ----------
    pipeline : pyspark.ml.PipelineModel
        Stages of pyspark.ml alone, in this order: Imputer, logarithms, discriminants (combinations of features that
        separate genres), VectorAssembler, scaler, weights, KMeansModel. Imputer, logarithms, discriminants and weights
        are absent if the settings do not need them.
    scores : pandas.DataFrame
        One row per k and feature space (choice of columns, scaler, logarithms and weights), as in the table
        ``k_scores``; ``chosen`` marks the row of the model.
    profiles : pandas.DataFrame
        One row per cluster, as in the table ``cluster_profiles``.
    card : ModelCard
        The content of ``model.json``: centres, sizes, outlier thresholds, settings, versions.
    """

    pipeline: PipelineModel
    scores: pd.DataFrame
    profiles: pd.DataFrame
    card: ModelCard

    @property
    def k(self) -> int:
        """The number of clusters."""
        return self.card.k

    def transform(self, tracks: DataFrame) -> DataFrame:
        """Label tracks: return a DataFrame with the columns of the table ``labeled_tracks``, one row per track.

        Runs no Spark job, or a small one if the model imputes missing features.

        Parameters
        ----------
        tracks : DataFrame with ``track_id`` (string, distinct) and the model's features, in the units of the table
            ``tracks``; any number of rows, since the label of a track is independent of the other tracks

        Raises
        ------
        InputError
            If there is no column ``track_id``.
        """
        return labels.labeled_tracks(_with_track_columns(tracks), self.pipeline, self.card)


def read_tracks(
    spark: SparkSession, path: str, *, settings: SettingsMapping | None = None
) -> tuple[DataFrame, DataFrame]:
    """Read a catalogue: return its valid tracks and its rejected rows as two DataFrames. Writes nothing.

    The call runs a few Spark jobs to detect headers, CSV dialects and units. For text files, one of these jobs reads
    all lines.

    Parameters
    ----------
    spark : a session with Delta's jars, needed to detect whether ``path`` is a Delta table
    path : path or URI of a file (CSV, JSON, Parquet, Excel or zip), a folder, a glob or a Delta table
    settings : uses the sections ``ingest`` (how files are read) and ``features`` (which values a row must have)

    Returns
    -------
    tracks, rejected : DataFrames with the columns of the tables ``tracks`` and ``rejected_tracks``
        Every row of the input is in exactly one of the two. Each use reads the files again: cache a DataFrame used more
        than once.

    Raises
    ------
    InputError
        If the input cannot be read or lacks a required column. With ``ingest.strict``, also if anything is guessed.
    """
    loaded = load(overrides=settings)
    check_sources(loaded)
    statuses = merge.with_status(read_input(spark, list_input(spark, path), loaded).frame)
    return merge.with_placeholder_titles(merge.keep_tracks(statuses)), merge.keep_rejected(statuses)


def fit_clusters(
    tracks: DataFrame, ks: Iterable[int] | str | int | None = None, *, settings: SettingsMapping | None = None
) -> Clusters:
    """Fit K-means for every k, choose a k by the scores, and describe its clusters. Runs many Spark jobs.

    Parameters
    ----------
    tracks : DataFrame with ``track_id`` (string, distinct) and the features, in the units of the table ``tracks``;
        further columns of that table are used if present. Persisted on disk during the call, unless cached already.
    ks : numbers of clusters, such as ``range(2, 13)`` or ``"2-12"``; by default ``clustering.ks`` of the settings
    settings : uses the sections ``features``, ``clustering``, ``selection`` and ``tuning``, and ``label.words``

    Returns
    -------
    Clusters
        The scores, the chosen k, the fitted pipeline and the profiles. Nothing stays cached in Spark.

    Raises
    ------
    ClusteringError
        If a feature is null and not imputed, or a feature that is not optional is null in all tracks; if there are
        fewer distinct tracks than the smallest k; or if ``features.guide`` is set and the genres cannot be separated.
    InputError
        If there is no column ``track_id``.
    """
    given: dict[str, Any] = dict(settings or {})
    if ks is not None:
        clustering = given.get("clustering", {})
        values = ks if isinstance(ks, str | int) else list(ks)
        given["clustering"] = {**clustering, "ks": values} if isinstance(clustering, Mapping) else clustering
    loaded = load(overrides=given)
    complete = _with_track_columns(tracks)
    with persisted_unless_cached(complete, source=tracks) as complete:
        model = fit_model(complete, loaded, summarise(complete))
    card = with_words(model.card, loaded.label.words)
    profiles = [{"model_version": card.model_version} | row for row in card.profiles]
    return Clusters(model.pipeline, pd.DataFrame(model.score_rows()), pd.DataFrame(profiles), card)


def similar_tracks(
    labeled: DataFrame, *, clusters: Clusters | None = None, settings: SettingsMapping | None = None
) -> DataFrame:
    """Return a DataFrame of the exact nearest neighbours of each track: columns ``track_id`` and ``similar``.

    Parameters
    ----------
    labeled : DataFrame with the columns of ``labeled_tracks``, such as the result of ``Clusters.transform``; read
        several times
    clusters : result of ``fit_clusters``. Missing values of a feature that its model imputes are replaced by the value
        in the model; all other missing values, by the feature's median.
    settings : uses the section ``recommend``; ``recommend.weights = "learned"`` raises SettingsError

    Returns
    -------
    DataFrame
        ``similar`` is an array of up to ten structs (track_id, distance, same_cluster, why), nearest first. The call
        runs a few Spark jobs. The search runs each time the DataFrame is used: cache a DataFrame used more than once.
        If the method is ``cells`` (set, or chosen by ``auto`` for a large catalogue), the call itself searches, and
        returns a DataFrame persisted on disk: unpersist it after use.

    Raises
    ------
    InputError
        If there are no tracks, or none of the compared features has a value.
    """
    options = similarity_options(load(overrides=settings).recommend)
    scaling = fit_scaling(labeled, options, clusters.card.imputed if clusters else {})
    n_tracks = labeled.count()
    if "artist" in labeled.columns and neighbours.has_too_few_artists(labeled, options.rules):
        # counting the lists themselves would run the search once more
        log.info(
            "similar_tracks: too few artists for recommend.per_artist = %d, so that lists have more by one artist",
            options.rules.per_artist,
        )
    options = replace(options, method=neighbours.choose_method(n_tracks, scaling, options))
    with neighbours.similar_lists(labeled, scaling, options, n_tracks=n_tracks) as rows:
        lists = rows.select("track_id", "similar")
        if options.method == neighbours.TREE:
            return lists
        # the inputs of the lists are unpersisted at the end of this block
        lists = lists.persist(DISK_LEVEL)
        try:
            lists.count()
        except BaseException:
            lists.unpersist()
            raise
        return lists


def learn_similarity(
    labeled: DataFrame,
    playlists: Mapping[str, Iterable[str]],
    *,
    clusters: Clusters | None = None,
    settings: SettingsMapping | None = None,
) -> LearnedWeights:
    """Learn weights of features from playlists, so that tracks of one playlist are similar. Runs many Spark jobs.

    Writes nothing. To use the result: ``similar_tracks(labeled, settings=learned.settings)``. The property
    ``is_better`` of the result is true if recommendations improved significantly on playlists not used for learning.

    Parameters
    ----------
    labeled : DataFrame with the columns of ``labeled_tracks``, such as the result of ``Clusters.transform``; read
        several times
    playlists : dict from name of a playlist to its tracks: track ids, links, or texts such as "title - artist"
    clusters : replaces missing values as in ``similar_tracks``
    settings : uses the section ``recommend``, the baseline with which the learned weights are compared

    Returns
    -------
    LearnedWeights
        ``weights`` and ``log``: dicts from feature to number. ``held_out``: the quality on playlists not used for
        learning, ``before`` (baseline) and ``after``, and the ``gain``, each with its confidence interval. The quality
        is the share of hits: a recommended track is a hit if it is in a playlist with the track it is recommended for.

    Raises
    ------
    InputError
        If there are too few playlists with tracks of the catalogue.
    """
    options, candidates = candidate_options(load(overrides=settings).recommend)
    seeds = {name: [parse_line(text) for text in texts] for name, texts in playlists.items()}
    matched, _ = match_playlists(labeled, seeds)
    return fit_weights(labeled, matched, options, candidates, clusters.card.imputed if clusters else {})


def run_pipeline(
    spark: SparkSession, path: str, output: str, *, settings: SettingsMapping | None = None
) -> PipelineResult:
    """Run all stages of ``jobs/run_pipeline.py``: read files, and write tables, a model and the report to ``output``.

    Unlike that job, this function adds no row to the table ``runs`` and handles no signals.

    Parameters
    ----------
    spark : a session with Delta; stays open after the call
    path : path or URI of the input, as for ``read_tracks``
    output : path or URI of a folder; a further call with the same output writes only changed rows and files

    Returns
    -------
    PipelineResult
        ``counts``: a dict of numbers for each stage, by the stage's name; ``card``: the content of ``model.json``.

    Raises
    ------
    SegueError
        SettingsError, InputError, OutputError or ConflictError, see ``segue.errors``.
    """
    loaded = load(overrides=settings)
    check_sources(loaded)
    store = Store(spark, output)
    store.prepare()
    require_visible_input(spark, path)
    return run_stages(store, path, loaded)


def _with_track_columns(tracks: DataFrame) -> DataFrame:
    """Cast tracks to exactly the columns and types of the table ``tracks``; return a DataFrame.

    An absent column becomes null or, if the table requires the column, a default value.
    """
    if "track_id" not in tracks.columns:
        raise InputError(f"tracks have the columns {', '.join(tracks.columns)}, expected track_id among them")
    defaults = {"title": F.col("track_id"), "genres": F.array(), "source_file": F.lit("")}
    return tracks.select(
        *(
            (F.col(column.name) if column.name in tracks.columns else defaults.get(column.name, F.lit(None)))
            .cast(column.type)
            .alias(column.name)
            for column in schema.TRACKS.columns
        )
    )
