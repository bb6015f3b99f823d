"""Declare the audio features, and the tables with every column, type, unit and constraint."""

from segue.schema.features import FEATURE_NAMES, FEATURES, NUMBERS, POPULARITY, TEXTS, Feature
from segue.schema.tables import (
    CLUSTER_PROFILES,
    INGESTED_FILES,
    K_SCORES,
    LABELED_TRACKS,
    MADE_BY,
    PLAYLIST_RECOMMENDATIONS,
    REJECTED_TRACKS,
    RUNS,
    SCHEMA_VERSION,
    SIMILAR_TRACKS,
    STATISTICS,
    TABLES,
    TRACKS,
    Column,
    Table,
)

__all__ = [
    "CLUSTER_PROFILES",
    "FEATURES",
    "FEATURE_NAMES",
    "INGESTED_FILES",
    "K_SCORES",
    "LABELED_TRACKS",
    "MADE_BY",
    "NUMBERS",
    "PLAYLIST_RECOMMENDATIONS",
    "POPULARITY",
    "REJECTED_TRACKS",
    "RUNS",
    "SCHEMA_VERSION",
    "SIMILAR_TRACKS",
    "STATISTICS",
    "TABLES",
    "TEXTS",
    "TRACKS",
    "Column",
    "Feature",
    "Table",
]
