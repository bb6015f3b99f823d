"""The numbers and texts of a report, as plain dataclasses: made by ``aggregates``, read by figures, findings and page.

Field names are the keys of ``report.json``. Features are in the unit of the tables: bpm in beats per minute, loudness
in dB, duration_s in seconds, popularity from 0 to 100, year as a calendar year, all others as fractions from 0 to 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Histogram and quartiles of one feature over all tracks, in the unit of the tables."""

    name: str
    edges: list[float]
    """Bin edges, ascending, one more than ``counts``."""
    counts: list[int]
    """Number of tracks in each bin."""
    n_outside: int
    """Number of tracks below the first edge or above the last."""
    n_missing: int
    """Number of tracks without a value."""
    q1: float
    median: float
    q3: float


@dataclass(frozen=True, slots=True)
class Correlations:
    """Pearson's r of every pair of columns (features, popularity, year), each over the tracks that have both values."""

    names: list[str]
    r: Floats
    """Pearson's r, shape (n_names, n_names); NaN where a column is constant or fewer than three tracks have both."""
    n_tracks: NDArray[np.int64]
    """Number of tracks that have a value in both columns, shape (n_names, n_names)."""


@dataclass(frozen=True, slots=True)
class Years:
    """Number of tracks and mean of each feature per year of release, as lists with one entry per year."""

    years: list[int]
    """Years of release, ascending; years without tracks are left out."""
    counts: list[int]
    means: Mapping[str, list[float | None]]
    """Mean of each feature in each year, by feature; None where no track of the year has a value."""


@dataclass(frozen=True, slots=True)
class Popularity:
    """Mean popularity of the tracks in each bin of one feature's values; bins of few tracks are left out."""

    name: str
    bin_centres: list[float]
    """Middle of each bin, in the unit of the feature."""
    means: list[float]
    """Mean popularity of the tracks in each bin, 0 to 100."""
    counts: list[int]
    """Tracks in each bin."""


@dataclass(frozen=True, slots=True)
class TrackReference:
    """Id, title and artist of a track."""

    track_id: str
    title: str
    artist: str


@dataclass(frozen=True, slots=True)
class GenreShare:
    """Share of a cluster's tracks with a genre, and lift: this share divided by the genre's share of all tracks."""

    name: str
    share: float
    lift: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """Profile of one cluster: size, silhouette, means of the features, genres, artists and typical tracks."""

    number: int
    """Number of the cluster, from 1."""
    description: str
    n_tracks: int
    share: float
    """Share of all tracks that are in the cluster, 0 to 1."""
    silhouette: float
    """Mean silhouette of the cluster's tracks, in [-1, 1]."""
    means: Mapping[str, float]
    """Mean of each feature over the cluster's tracks, by feature."""
    deviations: Mapping[str, float]
    """Mean of the cluster minus mean of all tracks, in standard deviations of all tracks, by feature."""
    genres: list[GenreShare]
    """Shares of the most frequent genres, most frequent first."""
    artists: list[tuple[str, int]]
    """Most frequent artists with their number of tracks, most frequent first."""
    exemplars: list[TrackReference]
    """The tracks nearest to the centre, nearest first, one per title and artist."""


@dataclass(frozen=True, slots=True)
class Points:
    """Tracks that the maps of the report draw, with coordinates and feature values: all tracks, or a sample of them.

    The sample has the same share of each cluster's tracks, but of small clusters a larger share.
    """

    tracks: list[TrackReference]
    cluster: list[int]
    """Cluster number of each track."""
    values: Mapping[str, Floats]
    """Values of each feature, by feature, shape (n_points,); NaN where a track has no value."""
    x: Floats
    """Coordinates along the first principal component, in scaled units, shape (n_points,)."""
    y: Floats
    """Coordinates along the second principal component, in scaled units, shape (n_points,)."""
    n_tracks: int
    """Number of tracks in the catalogue that the points are a sample of."""

    @property
    def is_sample(self) -> bool:
        """Whether the points are only a part of the catalogue's tracks."""
        return len(self.tracks) < self.n_tracks


@dataclass(frozen=True, slots=True)
class Projection:
    """Axes of the map of the tracks: the first two principal components of the features that the model clusters by."""

    explained_variance_ratio: tuple[float, float]
    """Share of the variance of all tracks along each component, 0 to 1."""
    loadings: Mapping[str, tuple[float, float]]
    """Weights of each feature in the two components."""
    centres: list[tuple[float, float]]
    """Coordinates of each cluster's centre along the two components, cluster 1 first."""


@dataclass(frozen=True, slots=True)
class KScore:
    """Scores of one number of clusters: a row of ``k_scores``."""

    k: int
    silhouette: float
    inertia: float
    """Sum of squared distances to the nearest centre, in scaled units."""
    stability: float | None = None
    """Mean agreement (adjusted Rand index) of fits on random halves of the tracks; None if it was not measured."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of the clusters with the genres in the catalogue."""

    nmi: float
    """Normalised mutual information, 0 to 1."""
    ari: float
    """Adjusted Rand index, at most 1, 0 for chance."""
    purity: float
    """Share of tracks whose genre is the most frequent of their cluster, 0 to 1."""
    genres: list[str]
    """The most frequent genres, most frequent first."""
    shares: Floats
    """Share of each genre's tracks in each cluster, shape (n_genres, k)."""
    counts: list[int]
    """Number of tracks of each genre."""
    supervised: bool = False
    """Whether the model is guided by the genres; the three scores are then of tracks that were not learned from."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry of a track's list of similar tracks: a track, its cluster and, in words, why it is similar."""

    track: TrackReference
    cluster: int
    reason: str


@dataclass(frozen=True, slots=True)
class SimilarTracks:
    """A track with its list of similar tracks, nearest first."""

    track: TrackReference
    cluster: int
    neighbours: list[Neighbour]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the report was made from: model, versions of tables and packages, and settings."""

    model_version: str
    trained_at: str
    """Time of the training, ISO 8601, UTC."""
    labeled_at: str
    """Time of the labeling, ISO 8601, UTC."""
    rule: str
    """Rule that selected k: ``selection.rule``."""
    engine: str
    restarts: int
    space: str
    """Scaler and features by which the tracks were clustered, as one line of text."""
    tables: Mapping[str, int]
    """Version of each table that was read."""
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    """Version of each package at training."""


@dataclass(frozen=True, slots=True)
class Rejections:
    """Number of rejected input rows by kind, and the most frequent reasons why rows are invalid, with their counts."""

    kinds: Mapping[str, int]
    reasons: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class ReportNumbers:
    """All numbers and texts of a report."""

    n_tracks: int
    n_outliers: int
    """Number of tracks that are far from their cluster's centre."""
    silhouette: float
    """Mean silhouette of all tracks, in [-1, 1]."""
    k_scores: list[KScore]
    """Scores of each k that was fitted, by ascending k."""
    k: int
    """Number of clusters of the model."""
    clusters: list[Cluster]
    points: Points
    projection: Projection
    distributions: list[Distribution]
    correlations: Correlations
    rejections: Rejections
    provenance: Provenance
    years: Years | None = None
    genres: list[tuple[str, int]] = field(default_factory=list)
    """The most frequent genres with their number of tracks."""
    n_genres: int = 0
    artists: list[tuple[str, int]] = field(default_factory=list)
    """The most frequent artists with their number of tracks."""
    n_artists: int = 0
    popularity: list[Popularity] = field(default_factory=list)
    agreement: Agreement | None = None
    similar_tracks: list[SimilarTracks] = field(default_factory=list)
