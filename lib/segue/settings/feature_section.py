"""Define the section ``features`` of the settings, and the base class of all sections."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from segue.settings.values import YEAR, FeatureNames, LoggedNames, Offsets, OptionalNames, Weights

_SIX_FEATURES = ("bpm", "loudness", "liveness", "valence", "acousticness", "speechiness")


class Contradiction(ValueError):
    """Error for settings that do not fit together, and for wrong entries of ``label.words``.

    The message names the settings, and is shown to the user unchanged.
    """


class Section(BaseModel):
    # before 2.10, pydantic warns about fields such as model_version
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())


class FeatureSettings(Section):
    """Settings of the feature space in which tracks are clustered: columns, scaler, missing values and weights."""

    columns: FeatureNames = Field(default=_SIX_FEATURES, description="audio features to cluster tracks by; also year")
    optional: OptionalNames = Field(
        default=(), description="those that tracks may lack: filled in with the median; left out if no track has one"
    )
    scaler: Literal["minmax", "standard", "robust"] = Field(
        default="minmax",
        description='"minmax", "standard" (mean 0, deviation 1) or "robust" (median 0, interquartile range 1)',
    )
    missing: Literal["reject", "median"] = Field(
        default="reject",
        description='tracks that lack a feature: "reject" them, or fill in its "median" with the model\'s Imputer',
    )
    log: LoggedNames | Offsets = Field(
        default=(),
        description="skewed features, taken as log1p; or a table such as { liveness = 0.01 }: as ln(liveness + 0.01)",
    )
    weights: Weights = Field(
        default={}, description="a factor for each scaled feature, such as { bpm = 0.5 }; 1 for those not listed"
    )
    guide: Literal["none", "genre"] = Field(
        default="none", description='"genre": supervised, by directions that separate the tracks\' genres; "none"'
    )

    @property
    def required(self) -> tuple[str, ...]:
        """The audio features that every input file must have: ``columns`` without ``optional`` and ``year``."""
        return tuple(name for name in self.columns if name not in (*self.optional, YEAR))

    @field_validator("guide")
    @classmethod
    def _has_no_weights(cls, guide: str, info: ValidationInfo) -> str:
        if guide != "none" and info.data.get("weights"):
            raise Contradiction(
                f"features.guide is {guide!r} and features.weights are given, expected one or the other"
            )
        return guide

    @field_validator("log", "weights")
    @classmethod
    def _are_columns(
        cls, names: tuple[str, ...] | dict[str, float], info: ValidationInfo
    ) -> tuple[str, ...] | dict[str, float]:
        columns = info.data.get("columns", names)  # absent if invalid
        others = [name for name in names if name not in columns]
        if others:
            raise Contradiction(
                f"features.{info.field_name} names {', '.join(others)}, expected only features.columns "
                f"({', '.join(columns)})"
            )
        return names
