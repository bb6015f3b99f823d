"""Define the settings of a run as pydantic models, and load them from TOML files, ``--set`` options and Python."""

from segue.settings.feature_section import FeatureSettings
from segue.settings.loading import RENAMED, load, recipe, with_current_names
from segue.settings.sections import (
    ClusteringSettings,
    IngestSettings,
    LabelSettings,
    RecommendSettings,
    ReportSettings,
    SelectionSettings,
    Settings,
    TrainSettings,
    TuningSettings,
)
from segue.settings.values import MAX_K, YEAR, parse_ks

__all__ = [
    "MAX_K",
    "RENAMED",
    "YEAR",
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
    "recipe",
    "with_current_names",
]
