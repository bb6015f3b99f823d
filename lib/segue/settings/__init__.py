"""Define the settings of a run as pydantic models, and load them from TOML files, ``--set`` options and Python."""

from segue.settings.loading import RENAMED, load, with_current_names
from segue.settings.sections import (
    ClusteringSettings,
    FeatureSettings,
    IngestSettings,
    LabelSettings,
    RecommendSettings,
    ReportSettings,
    SelectionSettings,
    Settings,
    TrainSettings,
    TuningSettings,
)
from segue.settings.values import MAX_K, parse_ks

__all__ = [
    "MAX_K",
    "RENAMED",
    "ClusteringSettings",
    "FeatureSettings",
    "IngestSettings",
    "LabelSettings",
    "RecommendSettings",
    "ReportSettings",
    "SelectionSettings",
    "Settings",
    "TrainSettings",
    "TuningSettings",
    "load",
    "parse_ks",
    "with_current_names",
]
