"""The Python API of ``import segue``: read, cluster and compare tracks in a session of the caller's.

Only ``run_pipeline`` writes. Nothing stays persisted after a call, except where its docstring says so.
Each function takes settings as a nested mapping, such as ``{"clustering": {"restarts": 20}}``, see
``conf/defaults.toml``; wrong ones raise ``segue.errors.SettingsError``, which names all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue import schema
from segue.clustering import labels
from segue.clustering.model_card import ModelCard
from segue.core.spark_helpers import DISK_LEVEL, persisted_unless_cached
from segue.errors import InputError
from segue.ingest import merge
from segue.ingest.input_files import list_input
from segue.pipeline.ingest import check_sources, read_input
from segue.pipeline.recommend import similarity_options
from segue.pipeline.run_all import PipelineResult, run_stages
from segue.pipeline.train import fit_model, summarise
from segue.settings import load
from segue.similarity import coordinates, neighbours
from segue.storage.store import Store

SettingsMapping = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Clusters of tracks, as ``fit_clusters`` returns them. Holds nothing in Spark's cache.

    Attributes
    ----------
    pipeline : pyspark.ml.PipelineModel
        Scaler and KMeansModel, of pyspark.ml's own stages.
    scores : pandas.DataFrame
        One row per feature space and k, as in the table ``k_scores``; ``chosen`` marks the k of the model.
    profiles : pandas.DataFrame
        One row per cluster, as in the table ``cluster_profiles``.
    card : ModelCard
        Everything that ``model.json`` holds: centres, sizes, thresholds, settings, versions.
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
        """Return the tracks with their labels: the columns of the table ``labeled_tracks``. Runs no Spark job.

        Parameters
        ----------
        tracks : see ``fit_clusters``; a single new track gets the label that it would get among all others
        """
        return labels.labeled_tracks(_with_track_columns(tracks), self.pipeline, self.card)


def read_tracks(
    spark: SparkSession, path: str, *, settings: SettingsMapping | None = None
) -> tuple[DataFrame, DataFrame]:
    """Read the tracks of any file that segue recognises, and the rows that are rejected. Runs a few small Spark jobs.

    Parameters
    ----------
    spark : any session; a Delta table as input needs one with Delta
    path : a file, a folder, a glob or a Delta table: CSV, JSON Lines or Parquet; a path or URI
    settings : uses the section ``ingest``, and of ``features`` which columns a row must have

    Returns
    -------
    tracks, rejected : DataFrames with the columns of the tables ``tracks`` and ``rejected_tracks``
        Every row of the input is in exactly one of the two. They are computed each time they are used: cache what is
        used more than once.

    Raises
    ------
    InputError
        If the input cannot be read or lacks a required column.
    """
    loaded = load(overrides=settings)
    check_sources(loaded)
    statuses = merge.with_status(read_input(spark, list_input(spark, path), loaded).frame)
    return merge.with_placeholder_names(merge.keep_tracks(statuses)), merge.keep_rejected(statuses)


def fit_clusters(
    tracks: DataFrame, ks: Iterable[int] | str | int | None = None, *, settings: SettingsMapping | None = None
) -> Clusters:
    """Fit K-means for every k, choose one by the scores, and describe its clusters.

    Parameters
    ----------
    tracks : ``track_id`` (string, distinct) and the features, in the units of the table ``tracks``; further columns of
        that table are used where they are there. Persisted on disk during the call, unless the caller has done so.
    ks : numbers of clusters, such as ``range(2, 21)`` or ``"2-20"``, the default
    settings : uses the sections ``features``, ``clustering``, ``selection`` and ``tuning``

    Raises
    ------
    ClusteringError
        If a feature is null where it is not imputed, or there are fewer distinct tracks than the smallest k.
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
    version = {"model_version": model.card.model_version}
    return Clusters(
        model.pipeline,
        pd.DataFrame(model.score_rows()),
        pd.DataFrame([version | row for row in model.card.profiles]),
        model.card,
    )


def similar_tracks(
    labeled: DataFrame, *, clusters: Clusters | None = None, settings: SettingsMapping | None = None
) -> DataFrame:
    """Return the tracks most similar to each track, exactly: ``track_id`` and ``similar``, nearest first.

    Parameters
    ----------
    labeled : columns of ``labeled_tracks``, as ``Clusters.transform`` returns them; read several times
    clusters : supplies the values that its model imputes for missing features
    settings : uses the section ``recommend``

    Returns
    -------
    DataFrame
        ``similar`` is an array of up to ten structs of track_id, distance, same_cluster and why. The call runs a few
        Spark jobs; the search itself runs each time the frame is used, so cache what is used more than once. For a
        catalogue too large for one k-d tree it has run, and the frame is persisted on disk: unpersist it.
    """
    options = similarity_options(load(overrides=settings).recommend)
    scaling = coordinates.fit_scaling(labeled, options, clusters.card.imputed if clusters else {})
    n_tracks = labeled.count()
    options = replace(options, method=neighbours.choose_method(n_tracks, scaling, options))
    with neighbours.similar_lists(labeled, scaling, options, n_tracks=n_tracks) as lists:
        if options.method == neighbours.TREE:
            return lists
        # what the lists are computed from is unpersisted at the end of this block
        lists = lists.persist(DISK_LEVEL)
        try:
            lists.count()
        except BaseException:
            lists.unpersist()
            raise
        return lists


def run_pipeline(
    spark: SparkSession, path: str, output: str, *, settings: SettingsMapping | None = None
) -> PipelineResult:
    """Do what ``jobs/run_pipeline.py`` does: read files, and write all tables, models and the report below ``output``.

    A row in ``runs`` and the handling of signals are left to the job.

    Parameters
    ----------
    spark : a session with Delta; it goes on afterwards
    path : as for ``read_tracks``
    output : a path or URI; the same output can be used again, and only what has changed is written

    Returns
    -------
    PipelineResult
        ``counts`` by stage, and the model's ``card``.

    Raises
    ------
    SegueError
        SettingsError, InputError, OutputError or ConflictError, see ``segue.errors``.
    """
    loaded = load(overrides=settings)
    check_sources(loaded)
    store = Store(spark, output)
    store.prepare()
    return run_stages(store, path, loaded)


def _with_track_columns(tracks: DataFrame) -> DataFrame:
    """Return the columns of the table ``tracks``, null where the frame does not have them."""
    if "track_id" not in tracks.columns:
        raise InputError(f"tracks have the columns {', '.join(tracks.columns)}, expected track_id among them")
    defaults = {"title": F.col("track_id"), "artist": F.lit(""), "genres": F.array(), "source_file": F.lit("")}
    return tracks.select(
        *(
            (F.col(column.name) if column.name in tracks.columns else defaults.get(column.name, F.lit(None)))
            .cast(column.type)
            .alias(column.name)
            for column in schema.TRACKS.columns
        )
    )
