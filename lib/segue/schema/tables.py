"""Declare the Delta tables of an output folder: the key, columns and CHECK constraints of each table."""

from dataclasses import dataclass

from segue.schema.features import FEATURES, NUMBERS, Feature

SCHEMA_VERSION = 3
"""Version of the declarations below. Raise it with every change of a column, constraint or Delta property.

A changed comment needs no new version. Every stored table records its version as a Delta property: ``Store`` upgrades a
table of an older version, and raises OutputError for a table of a newer version.
"""

MAINTENANCE = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES"})
"""Names, in Delta's log, of the operations that count as maintenance: they change no row of a table."""


@dataclass(frozen=True, slots=True)
class Column:
    """The declaration of one column of a table."""

    name: str
    type: str
    """Spark SQL type, such as ``array<string>``."""
    comment: str
    """Meaning and unit, stored as the column's comment."""
    required: bool = True
    """Whether null is forbidden."""


@dataclass(frozen=True, slots=True)
class Table:
    """The declaration of one Delta table."""

    name: str
    """Name of the table, and of its folder in the output folder."""
    key: tuple[str, ...]
    """Names of the key columns: their values together identify a row."""
    columns: tuple[Column, ...]
    rules: tuple[tuple[str, str], ...] = ()
    """CHECK constraints as pairs (name, SQL condition), besides the NOT NULL conditions of required columns."""
    has_feed: bool = False
    """Whether Delta's change data feed is enabled."""

    @property
    def names(self) -> list[str]:
        """The column names, in order."""
        return [column.name for column in self.columns]

    @property
    def ddl(self) -> str:
        """The columns as a Spark DDL string: ``name type, …``."""
        return ", ".join(f"{column.name} {column.type}" for column in self.columns)

    @property
    def constraints(self) -> dict[str, str]:
        """All CHECK constraints, a dict from name to SQL condition: ``rules``, and NOT NULL for required columns."""
        not_null = {f"{c.name}_given": f"{c.name} IS NOT NULL" for c in self.columns if c.required}
        return not_null | dict(self.rules)


def _range_rules(features: tuple[Feature, ...]) -> tuple[tuple[str, str], ...]:
    """Return a CHECK constraint (name, SQL condition) for each feature: the value is null or in the valid range."""
    return tuple((f"{f.name}_in_range", f"{f.name} IS NULL OR ({f.rule()})") for f in features)


_TRACK_COLUMNS = (
    Column("track_id", "string", "the source's own id, else 32 hexadecimal digits of a SHA-256"),
    Column("title", "string", "as the source writes it, trimmed, Unicode NFC"),
    Column("artist", "string", "as the source writes it; the names of a list are joined by '; '", required=False),
    Column("album", "string", "as the source writes it", required=False),
    Column("genre", "string", "genre of the row that was kept, as the source writes it", required=False),
    Column("genres", "array<string>", "every genre of the track in the source, sorted"),
    Column("year", "int", "year of release", required=False),
    *(Column(f.name, "double", f"{f.unit}, {f.range}", required=False) for f in NUMBERS),
    Column("key", "int", "pitch class of the musical key, 0 (C) to 11 (B)", required=False),
    Column("mode", "int", "1 major, 0 minor", required=False),
    Column("time_signature", "int", "beats in a bar", required=False),
    Column("isrc", "string", "International Standard Recording Code, without hyphens", required=False),
    Column("explicit", "boolean", "whether the lyrics are explicit", required=False),
    Column("source_file", "string", "file the row came from, relative to the input"),
)

_GENRES = "array<struct<genre: string, share: double, lift: double>>"
_EXEMPLARS = "array<struct<track_id: string, title: string, artist: string, distance: double>>"
_MODEL_VERSION = Column("model_version", "string", "the model, a folder below models/")
_CLUSTER = Column("cluster", "int", "number of the cluster, from 1; the largest in training is 1")
_CLUSTER_NAME = Column("cluster_name", "string", "Cluster 1, Cluster 2, …")
_CLUSTER_DESCRIPTION = Column("cluster_description", "string", "what sets the cluster apart, in words")

STATISTICS = {
    "mean": "mean",
    "sd": "standard deviation (of the cluster's tracks, not of a sample)",
    "q1": "lower quartile",
    "median": "median",
    "q3": "upper quartile",
}
"""The statistics of each feature in ``cluster_profiles``: a dict from suffix, such as ``mean``, to meaning.

The column ``bpm_mean`` has the mean of ``bpm``.
"""

_TRACK_RULES = (
    *_range_rules(NUMBERS),
    ("key_in_range", "key IS NULL OR (key >= 0 AND key <= 11)"),
    ("mode_known", "mode IS NULL OR (mode >= 0 AND mode <= 1)"),
)

TRACKS = Table("tracks", ("track_id",), _TRACK_COLUMNS, _TRACK_RULES, has_feed=True)

REJECTED_TRACKS = Table(
    "rejected_tracks",
    ("source_file", "row_hash", "occurrence"),
    (
        Column("source_file", "string", "file the row came from, relative to the input"),
        Column("row_hash", "string", "32 hexadecimal digits of the SHA-256 of raw"),
        Column("occurrence", "int", "1, 2, … for equal rows of one file"),
        Column("kind", "string", "invalid or duplicate"),
        Column("raw", "string", "the row as it was read; JSON where the input was not text"),
        Column("reasons", "array<string>", "every rule that the row broke, quoting the value"),
    ),
    (("kind_known", "kind IN ('invalid', 'duplicate')"), ("occurrence_counts", "occurrence >= 1")),
)

INGESTED_FILES = Table(
    "ingested_files",
    ("uri",),
    (
        Column("uri", "string", "URI of the file or Delta table"),
        Column("source_file", "string", "value of tracks.source_file for rows of this file"),
        Column("size", "bigint", "bytes"),
        Column("modified_at", "timestamp", "when the file was last written, UTC", required=False),
        Column("version", "bigint", "version of the Delta table that was read; null for files", required=False),
        Column("reading", "string", "hash of the settings that determine how a row is read"),
        Column("ingested_at", "timestamp", "when its rows were stored, UTC"),
    ),
)

LAYOUT_DECISIONS = Table(
    "layout_decisions",
    ("layout", "decision"),
    (
        Column("layout", "string", "hash of a format, the setting ingest.source and the names of all columns"),
        Column("decision", "string", "what was decided, such as valence.unit, bpm.column, decimal_sign"),
        Column("value", "string", "how later files with the same header are read"),
        Column("header", "string", "names of the columns, for people"),
        Column("source_file", "string", "file whose values decided it"),
        Column("decided_at", "timestamp", "UTC"),
    ),
)

K_SCORES = Table(
    "k_scores",
    ("model_version", "space", "k"),
    (
        _MODEL_VERSION,
        Column("space", "string", "the feature space: scaler, features, logarithms, weights"),
        Column("k", "int", "number of clusters"),
        Column("inertia", "double", "sum of squared distances to the nearest centre, scaled units"),
        Column("silhouette", "double", "mean silhouette, squared Euclidean distance, -1 to 1"),
        Column("davies_bouldin", "double", "Davies-Bouldin index, lower is better"),
        Column("calinski_harabasz", "double", "Calinski-Harabasz index, higher is better"),
        Column("genre_nmi", "double", "normalised mutual information with genre, 0 to 1", required=False),
        Column("genre_ari", "double", "adjusted Rand index against genre, up to 1", required=False),
        Column("genre_purity", "double", "share of tracks that have their cluster's commonest genre", required=False),
        Column("engine", "string", "engine that fitted the clusters: fused or spark-ml"),
        Column("restarts", "int", "number of starts, of which the best is used"),
        Column("iterations", "int", "Lloyd iterations that led to the centres"),
        Column("stability", "double", "mean adjusted Rand index between fits on random halves", required=False),
        Column("stability_sd", "double", "standard deviation of stability over pairs of halves", required=False),
        Column("chosen", "boolean", "whether this k became the model"),
    ),
    (("k_clusters", "k >= 2"), ("silhouette_in_range", "silhouette >= -1 AND silhouette <= 1")),
)

LABELED_TRACKS = Table(
    "labeled_tracks",
    ("track_id",),
    (
        *_TRACK_COLUMNS,
        _MODEL_VERSION,
        Column("imputed", "array<string>", "features that the model's Imputer filled"),
        _CLUSTER,
        _CLUSTER_NAME,
        _CLUSTER_DESCRIPTION,
        Column("distance", "double", "to the centre of the cluster, scaled units"),
        Column("second_cluster", "int", "cluster with the second nearest centre"),
        Column("silhouette", "double", "of this track, squared Euclidean distance, -1 to 1"),
        Column("is_outlier", "boolean", "whether distance exceeds the cluster's threshold in model.json"),
    ),
    (*_TRACK_RULES, ("cluster_counts", "cluster >= 1"), ("distance_positive", "distance >= 0")),
)

CLUSTER_PROFILES = Table(
    "cluster_profiles",
    ("model_version", "cluster"),
    (
        _MODEL_VERSION,
        _CLUSTER,
        _CLUSTER_NAME,
        _CLUSTER_DESCRIPTION,
        Column("n_tracks", "bigint", "tracks in training"),
        Column("share", "double", "share of all tracks in training, 0 to 1"),
        Column("silhouette", "double", "mean over the cluster's tracks in training"),
        *(
            Column(f"{f.name}_{suffix}", "double", f"{meaning} of {f.name}, {f.unit}", required=False)
            for f in FEATURES
            for suffix, meaning in STATISTICS.items()
        ),
        Column("top_genres", _GENRES, "share: among its tracks with a genre; lift: share divided by that in all"),
        Column("exemplars", _EXEMPLARS, "the tracks nearest to the centre, nearest first"),
    ),
    (("cluster_counts", "cluster >= 1"), ("share_in_range", "share > 0 AND share <= 1")),
)

_SIMILAR = "array<struct<track_id: string, distance: double, same_cluster: boolean, why: array<string>>>"

SIMILAR_TRACKS = Table(
    "similar_tracks",
    ("track_id",),
    (
        Column("track_id", "string", "the track to which the others are similar"),
        _MODEL_VERSION,
        Column("tracks_version", "bigint", "version of labeled_tracks that the lists were made from"),
        Column("made_from", "string", "hash of the tracks and settings that the lists were made from"),
        Column("similar", _SIMILAR, "up to ten, nearest first; distance: scaled units; why: distinctive features"),
    ),
)

_SEEDS = "array<struct<track_id: string, distance: double>>"

PLAYLIST_RECOMMENDATIONS = Table(
    "playlist_recommendations",
    ("playlist", "track_id"),
    (
        Column("playlist", "string", "name of the seeds' file, without its extension"),
        Column("rank", "int", "from 1, in the order of recommend.order"),
        Column("track_id", "string", "the recommended track"),
        Column("title", "string", "as in tracks"),
        Column("artist", "string", "as in tracks", required=False),
        Column("score", "double", "sum over the seeds of 1 / (60 + rank among the seed's nearest hundred)"),
        Column("distance", "double", "to the nearest seed, in scaled units"),
        Column("because_of", _SEEDS, "up to three nearest seeds, nearest first"),
        _MODEL_VERSION,
    ),
    (("rank_counts", "rank >= 1"), ("score_positive", "score > 0")),
)

_LEARNED_FEATURES = "array<struct<name: string, weight: double, log: double>>"
_HELD_OUT = "share of ten recommendations that are in a playlist with their track, playlists held out"

LEARNED_SIMILARITY = Table(
    "learned_similarity",
    ("version",),
    (
        Column("version", "string", "hash of the tracks, the playlists and settings that it was learned from"),
        Column("learned_at", "timestamp", "UTC"),
        Column("features", _LEARNED_FEATURES, "log: added before the logarithm is taken, null: no logarithm"),
        Column("scaling", "string", "setting recommend.scaling that the weights apply to"),
        *(
            Column(f"{name}{suffix}", "double", f"{meaning}{end}")
            for name, meaning in (
                ("share_before", f"{_HELD_OUT}: by the settings"),
                ("share", f"{_HELD_OUT}: by learned weights"),
                ("gain", "share minus share_before"),
            )
            for suffix, end in (("", ""), ("_low", ", lower end of its interval"), ("_high", ", upper end"))
        ),
        Column("n_playlists", "int", "playlists that it was learned from"),
        Column("n_tracks", "bigint", "tracks of the catalogue in these playlists"),
        Column("n_sampled", "bigint", "tracks that it was learned from, in playlists or not"),
        Column("settings", "string", "JSON: what shares were compared with, rules, folds, limits, confidence"),
    ),
    (("gain_is_certain", "gain_low > 0"), ("share_in_range", "share >= 0 AND share <= 1")),
)

RUNS = Table(
    "runs",
    ("run_id",),
    (
        Column("run_id", "string", "random, 32 hexadecimal digits"),
        Column("job", "string", "name of the job"),
        Column("started_at", "timestamp", "UTC"),
        Column("finished_at", "timestamp", "UTC"),
        Column("status", "string", "done, failed, interrupted (by a signal), or died (found by a later run)"),
        Column("settings", "string", "JSON: every setting of the run"),
        Column("versions", "string", "JSON: versions of segue, Python and libraries"),
        Column("input", "string", "JSON: files and their bytes, or table versions"),
        Column("counts", "string", "JSON: rows and seconds, by stage"),
        Column("error", "string", "the error that ended the run", required=False),
    ),
    (("status_known", "status IN ('done', 'failed', 'interrupted', 'died')"),),
)

TABLES = (
    TRACKS,
    REJECTED_TRACKS,
    INGESTED_FILES,
    LAYOUT_DECISIONS,
    K_SCORES,
    LABELED_TRACKS,
    CLUSTER_PROFILES,
    SIMILAR_TRACKS,
    PLAYLIST_RECOMMENDATIONS,
    LEARNED_SIMILARITY,
    RUNS,
)

MADE_BY = {
    TRACKS.name: "ingest_tracks.py",
    REJECTED_TRACKS.name: "ingest_tracks.py",
    INGESTED_FILES.name: "ingest_tracks.py",
    LAYOUT_DECISIONS.name: "ingest_tracks.py",
    K_SCORES.name: "train_clusters.py",
    LABELED_TRACKS.name: "label_tracks.py",
    CLUSTER_PROFILES.name: "label_tracks.py",
    SIMILAR_TRACKS.name: "recommend_tracks.py",
    PLAYLIST_RECOMMENDATIONS.name: "recommend_tracks.py --seeds FILE",
    LEARNED_SIMILARITY.name: "learn_similarity.py --playlists FILE",
    RUNS.name: "every job",
}
"""What writes each table: a dict from table name to a script in ``jobs/`` with its required options, or "every job"."""
