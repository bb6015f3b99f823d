"""What a report tells, as plain numbers and texts: made on the cluster, drawn anywhere; no Spark here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distribution:
    """How one feature is spread over all tracks, in the unit of the tables."""

    name: str
    edges: list[float]
    """Of the bars, one more than there are bars."""
    counts: list[int]
    beyond: int
    """Tracks below the first edge or above the last."""
    missing: int
    q1: float
    median: float
    q3: float


@dataclass(frozen=True, slots=True)
class Correlations:
    """Pearson's r of every pair of features, over the tracks that have both."""

    names: list[str]
    r: Floats
    """Shape (n, n); NaN where one of the two is constant or too few tracks have both."""
    n: NDArray[np.int64]
    """Tracks that have both, shape (n, n)."""


@dataclass(frozen=True, slots=True)
class Years:
    """Tracks and the means of their features by year of release."""

    years: list[int]
    counts: list[int]
    means: Mapping[str, list[float | None]]


@dataclass(frozen=True, slots=True)
class Popularity:
    """Mean popularity of tracks by one feature: bins with few tracks are left out."""

    name: str
    middles: list[float]
    means: list[float]
    counts: list[int]


@dataclass(frozen=True, slots=True)
class TrackReference:
    """A track as it is shown."""

    track_id: str
    title: str
    artist: str


@dataclass(frozen=True, slots=True)
class Genre:
    """A genre within a cluster: its share there, and that over its share in all tracks."""

    name: str
    share: float
    lift: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster, in the units of the tables."""

    number: int
    words: str
    n_tracks: int
    share: float
    silhouette: float
    means: Mapping[str, float]
    deviations: Mapping[str, float]
    """Distance of each mean from that of all tracks, in standard deviations of all tracks."""
    genres: list[Genre]
    artists: list[tuple[str, int]]
    exemplars: list[TrackReference]


@dataclass(frozen=True, slots=True)
class Points:
    """Tracks for the maps: all, or a sample in proportion to the clusters."""

    tracks: list[TrackReference]
    cluster: list[int]
    values: Mapping[str, Floats]
    """Features in the unit of the tables; NaN where a track lacks one."""
    x: Floats
    y: Floats
    n_tracks: int
    """How many there are in all."""

    @property
    def is_sample(self) -> bool:
        """Whether some tracks are left out."""
        return len(self.tracks) < self.n_tracks


@dataclass(frozen=True, slots=True)
class Map:
    """The two directions in which the clustered features vary most."""

    explained: tuple[float, float]
    """Share of the variance of all tracks along each."""
    loadings: Mapping[str, tuple[float, float]]
    centres: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class KScore:
    """One row of ``k_scores``."""

    k: int
    silhouette: float
    inertia: float
    stability: float | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the chosen clusters agree with the genres that tracks came with."""

    nmi: float
    ari: float
    purity: float
    genres: list[str]
    """The most frequent, most frequent first."""
    shares: Floats
    """Share of each genre's tracks in each cluster, shape (n_genres, k)."""
    counts: list[int]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One entry of a track's list."""

    track: TrackReference
    cluster: int
    why: str


@dataclass(frozen=True, slots=True)
class Similar:
    """A track that can be looked up, and what to play next."""

    track: TrackReference
    cluster: int
    near: list[Neighbour]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which run made this, of what."""

    model_version: str
    trained_at: str
    labeled_at: str
    rule: str
    engine: str
    restarts: int
    space: str
    tables: Mapping[str, int]
    """Version of each table that was read."""
    settings: Mapping[str, Any]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rejections:
    """Rows that did not become tracks: how many of each kind, and the commonest reasons."""

    kinds: Mapping[str, int]
    reasons: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class ReportNumbers:
    """Everything that the page shows."""

    n_tracks: int
    n_outliers: int
    silhouette: float
    scores: list[KScore]
    chosen: int
    clusters: list[Cluster]
    points: Points
    map: Map
    distributions: list[Distribution]
    correlations: Correlations
    rejections: Rejections
    provenance: Provenance
    years: Years | None = None
    genres: list[tuple[str, int]] = field(default_factory=list)
    """The most frequent genres, as (name, tracks)."""
    n_genres: int = 0
    artists: list[tuple[str, int]] = field(default_factory=list)
    n_artists: int = 0
    popularity: list[Popularity] = field(default_factory=list)
    agreement: Agreement | None = None
    similar: list[Similar] = field(default_factory=list)
