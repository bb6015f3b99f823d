"""Define the numbers and texts of a report as dataclasses, made by ``aggregates`` and shown in figures and page.

The names of the fields are also the JSON keys in ``report.json``. Features are in the unit of the tables: bpm in beats
per minute, loudness in dB, duration_s in seconds, popularity from 0 to 100, year as a calendar year, all others as
fractions from 0 to 1.
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
    """Name of the feature."""
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
    """Pearson's r of every pair of numeric columns, computed from the tracks with both values."""

    names: list[str]
    """Names of the columns: audio features, popularity, year."""
    r: Floats
    """Pearson's r, shape (n_names, n_names); NaN if a column is constant, or fewer than 3 tracks have both values."""
    n_tracks: NDArray[np.int64]
    """Number of tracks with a value in both columns, shape (n_names, n_names)."""


@dataclass(frozen=True, slots=True)
class Years:
    """Number of tracks and mean of each feature per year of release, as lists with one entry per year."""

    years: list[int]
    """Years of release, ascending; years without tracks are left out."""
    counts: list[int]
    """Number of tracks of each year."""
    means: Mapping[str, list[float | None]]
    """Mean of each feature in each year: {"energy": [0.41, None], …}; None if no track of the year has a value."""


@dataclass(frozen=True, slots=True)
class Popularity:
    """Mean popularity of the tracks in each bin of one feature's values, as lists with one entry per bin.

    Bins of few tracks are left out. Values outside the range of a column count in its first or last bin.
    """

    name: str
    """Name of the feature."""
    bin_centres: list[float]
    """Middle of each bin, in the unit of the feature."""
    means: list[float]
    """Mean popularity of the tracks in each bin, 0 to 100."""
    counts: list[int]
    """Number of tracks in each bin."""


@dataclass(frozen=True, slots=True)
class TrackReference:
    """Id, title and artist of a track."""

    track_id: str
    title: str
    artist: str


@dataclass(frozen=True, slots=True)
class GenreShare:
    """The frequency of one genre in a cluster."""

    name: str
    """Name of the genre."""
    share: float
    """Number of the cluster's tracks with this genre, divided by the number of its tracks with any genre, 0 to 1."""
    lift: float
    """``share`` divided by the genre's share in all clusters; above 1, the genre is more frequent in this cluster."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Profile of one cluster: size, silhouette, means of the features, genres, artists and typical tracks.

    Silhouette, means, genres and exemplars are those of the tracks in training; sizes and artists are counted over all
    labeled tracks.
    """

    number: int
    """Number of the cluster, from 1."""
    description: str
    """Description of the cluster in words, such as "80s rock, energetic"."""
    n_tracks: int
    share: float
    """Number of the cluster's tracks divided by the number of all tracks, 0 to 1."""
    silhouette: float
    """Mean silhouette of the cluster's tracks, in [-1, 1]."""
    means: Mapping[str, float]
    """Mean of each feature over the cluster's tracks, by feature."""
    deviations: Mapping[str, float]
    """Mean over the cluster's tracks minus mean over all tracks, in standard deviations of all tracks, by feature."""
    genres: list[GenreShare]
    """The most frequent genres of the cluster's tracks, most frequent first."""
    artists: list[tuple[str, int]]
    """The artists with most tracks in the cluster, as pairs (name, number of tracks), most tracks first."""
    exemplars: list[TrackReference]
    """The tracks nearest to the cluster's centre, nearest first; of equal title and artist only the first."""


@dataclass(frozen=True, slots=True)
class Points:
    """The tracks on the maps of the report, all or a sample, with coordinates and feature values.

    All lists and arrays have one item per track, in the same order. A sample has the same share of every cluster, but a
    larger share of a cluster that would otherwise have fewer than about 40 tracks in the sample.
    """

    tracks: list[TrackReference]
    cluster: list[int]
    """Cluster number of each track."""
    values: Mapping[str, Floats]
    """Values of the tracks by feature: arrays of shape (n_points,), NaN where a track has no value."""
    x: Floats
    """Coordinate of each track along the first axis of ``Projection``, in scaled units, shape (n_points,)."""
    y: Floats
    """Coordinate of each track along the second axis of ``Projection``, in scaled units, shape (n_points,)."""
    n_tracks: int
    """Number of all tracks of the catalogue."""

    @property
    def is_sample(self) -> bool:
        """Whether the points are a sample rather than all tracks of the catalogue."""
        return len(self.tracks) < self.n_tracks


@dataclass(frozen=True, slots=True)
class Projection:
    """The two axes of the map of the tracks: the first two principal components of the model's scaled coordinates."""

    explained_variance_ratio: tuple[float, float]
    """Share of the variance of all tracks along each axis, 0 to 1."""
    loadings: Mapping[str, tuple[float, float]]
    """Weights of each feature in the first and in the second axis: {"energy": (0.6, -0.2), …}."""
    centres: list[tuple[float, float]]
    """Coordinates of each cluster's centre along the two axes, cluster 1 first."""


@dataclass(frozen=True, slots=True)
class KScore:
    """Scores of the clusters of one k, from a row of the table ``k_scores``."""

    k: int
    silhouette: float
    inertia: float
    """Sum of squared distances to the nearest centre, in scaled units."""
    stability: float | None = None
    """Mean agreement (adjusted Rand index) of fits on random halves of a sample; None if it was not measured."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of the clusters with the genres of the catalogue. Tracks without a genre are not counted."""

    nmi: float
    """Normalised mutual information, 0 to 1."""
    ari: float
    """Adjusted Rand index: 1 for perfect agreement, about 0 for agreement by chance."""
    purity: float
    """Share of tracks whose genre is the most frequent one in their cluster, 0 to 1."""
    genres: list[str]
    """The most frequent genres of the catalogue, most frequent first."""
    shares: Floats
    """Distribution of each genre's tracks over the clusters: shares 0 to 1, shape (n_genres, k)."""
    counts: list[int]
    """Number of tracks of each genre in ``genres``."""
    supervised: bool = False
    """Whether the genres guided the model. If so, ``nmi``, ``ari`` and ``purity`` are cross-validated."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One entry of a track's list of similar tracks."""

    track: TrackReference
    """The similar track."""
    cluster: int
    """Number of the similar track's cluster."""
    reason: str
    """Why ``track`` is similar to the track with the list, in words; "" if there is no reason to name."""


@dataclass(frozen=True, slots=True)
class SimilarTracks:
    """A track with its list of similar tracks."""

    track: TrackReference
    cluster: int
    """Number of the track's cluster."""
    neighbours: list[Neighbour]
    """The similar tracks, nearest first."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The inputs of the report: model, versions of tables and packages, and settings."""

    model_version: str
    trained_at: str
    """Time of the training, ISO 8601, UTC."""
    labeled_at: str
    """Time of the labeling, ISO 8601, UTC."""
    rule: str
    """Rule for the choice of k: the setting ``selection.rule`` of the training."""
    engine: str
    """Engine that fitted the clusters: ``fused`` or ``spark-ml``."""
    restarts: int
    """Number of random starts for each k."""
    space: str
    """The feature space of the clustering (scaler, features, logarithms, weights), as one line of text."""
    tables: Mapping[str, int]
    """Version of each input table, by the table's name."""
    settings: Mapping[str, Any]
    """Settings of the training, the recommendations and the report, nested by section and name."""
    versions: Mapping[str, str]
    """Versions of segue, Python and libraries in the training, by name."""


@dataclass(frozen=True, slots=True)
class Rejections:
    """Numbers of rejected input rows, and the most frequent reasons."""

    kinds: Mapping[str, int]
    """Number of rejected rows of each kind, "invalid" and "duplicate"."""
    reasons: list[tuple[str, int]]
    """The most frequent reasons of invalid rows, as pairs (reason, number of rows), most frequent first."""


@dataclass(frozen=True, slots=True)
class ReportNumbers:
    """All numbers and texts of a report."""

    n_tracks: int
    n_outliers: int
    """Number of tracks unusually far from their cluster's centre."""
    silhouette: float
    """Mean silhouette of all tracks, in [-1, 1]."""
    k_scores: list[KScore]
    """Scores of each fitted k, by ascending k."""
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
    """None if no track has a year."""
    genres: list[tuple[str, int]] = field(default_factory=list)
    """The most frequent genres, as pairs (name, number of tracks), most frequent first."""
    n_genres: int = 0
    """Number of different genres in the catalogue."""
    artists: list[tuple[str, int]] = field(default_factory=list)
    """The artists with most tracks, as pairs (name, number of tracks), most tracks first."""
    n_artists: int = 0
    """Number of different artists in the catalogue."""
    popularity: list[Popularity] = field(default_factory=list)
    agreement: Agreement | None = None
    """None if no track has a genre, or if the cross-validation of a guided model was not possible."""
    similar_tracks: list[SimilarTracks] = field(default_factory=list)
    """The tracks in the search box of the page, with their lists of similar tracks."""
