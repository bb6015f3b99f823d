"""Define ``Settings``, and one pydantic model per section: each field has a default, a constraint and a description.

The model of the section ``features`` is in ``feature_section``.
The comments in ``conf/defaults.toml`` are the docstrings of the models and the descriptions of the fields. Error
messages state the constraints.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from segue.settings import words as word_tables
from segue.settings.feature_section import Contradiction, FeatureSettings, Section
from segue.settings.likeness import PRESETS, Likeness
from segue.settings.values import (
    MAX_K,
    Encoding,
    FeatureNames,
    Ks,
    ListOf,
    LoggedNames,
    Offsets,
    SimilarityNames,
    SimilarityWeights,
    Text,
    Weights,
)

LEARNED = "learned"  # value of recommend.weights


class IngestSettings(Section):
    """Settings for reading input files: source and format, and which files and rows are used, refused or removed."""

    source: Text = Field(
        default="auto", description='a source\'s name in conf/sources/; "auto" recognises the source from the header'
    )
    mode: Literal["upsert", "snapshot"] = Field(
        default="upsert",
        description='"upsert" adds and updates tracks; "snapshot" also removes those that are not in the input',
    )
    encoding: Encoding = Field(
        default="auto",
        description='of CSV and JSON Lines: "auto" (detected), or any that extends ASCII, such as "cp1252"',
    )
    invalid_utf8: Literal["refuse", "reject"] = Field(
        default="refuse",
        description='"refuse" a file with bytes that are invalid in the encoding, or "reject" only their rows',
    )
    multiline: bool | Literal["auto"] = Field(
        default="auto",
        description='line breaks inside quotes in CSV: true, false, or "auto": detected in files up to 1 GB',
        json_schema_extra={"expected": 'true, false or "auto"'},
    )
    decimal_sign: Literal["auto", "point", "comma"] = Field(
        default="auto", description='of numbers in text: "point", "comma", or "auto": by the values'
    )
    genre_separator: Literal["auto", "none", ";", "|", ","] = Field(
        default="auto", description='between the genres of one text: ";", "|", ",", "none", or "auto": by the values'
    )
    header_line: Annotated[int, Field(ge=1, le=32)] | Literal["auto"] = Field(
        default="auto",
        description='of CSV: number of the header\'s line, or "auto": the first, or the best of the opening lines',
        json_schema_extra={"expected": 'a whole number from 1 to 32 or "auto"'},
    )
    layouts: Literal["remember", "decide"] = Field(
        default="remember",
        description='"remember": a file is read as earlier files with its header; "decide": by its own values',
    )
    strict: bool = Field(default=False, description="true: refuse files of which anything is guessed from values")
    force: bool = Field(
        default=False, description="true: also ingest files that have not changed since they were last ingested"
    )


class ClusteringSettings(Section):
    """Settings for fitting K-means: the numbers of clusters k, the engine, and its options."""

    ks: Ks = Field(
        default="2-20", validate_default=True, description='the numbers of clusters to fit; also a list, "5,10,50"'
    )
    engine: Literal["fused", "spark-ml"] = Field(
        default="fused",
        description='"fused": every k in the same passes over the tracks; "spark-ml": pyspark.ml KMeans, k by k',
    )
    restarts: int = Field(
        default=10, ge=1, le=10_000, description="random starts for each k; the fit of lowest inertia is used"
    )
    max_iter: int = Field(
        default=20,
        ge=1,
        le=1_000_000,
        description='maximum iterations of each k over all tracks ("spark-ml": of each start)',
    )
    tol: float = Field(
        default=1e-3,
        gt=0,
        allow_inf_nan=False,
        description="a k is done: no centre moves farther (scaled units), or inertia falls by a share below tol / 20",
    )
    seed: int = Field(
        default=0, ge=0, le=2**53, description="the same seed, tracks and settings give bit-identical centres"
    )
    sample_size: int = Field(
        default=50_000,
        ge=1000,
        le=10_000_000,
        description='tracks on which "fused" searches initial centres; if these are all, max_iter and tol are unused',
    )


class SelectionSettings(Section):
    """Settings for choosing k, the number of clusters: a rule and its parameters."""

    rule: Literal["silhouette", "knee", "stable", "fixed"] = Field(
        default="silhouette",
        description='"silhouette": the highest; "knee" of the inertia; "stable": the largest stable k; "fixed": k',
    )
    min_k: int = Field(
        default=8,
        ge=2,
        description='the smallest k for the rule "silhouette": two or three clusters say little about music',
    )
    k: Annotated[int, Field(ge=2, le=MAX_K)] | None = Field(
        default=None, validate_default=True, examples=[10], description='the number of clusters for the rule "fixed"'
    )
    subsamples: int = Field(
        default=6,
        ge=2,
        le=1000,
        description='for the rule "stable": number of random halves of the sample whose clusters are compared',
    )

    @field_validator("k")
    @classmethod
    def _is_given_if_fixed(cls, k: int | None, info: ValidationInfo) -> int | None:
        if k is None and info.data.get("rule") == "fixed":
            raise Contradiction("selection.rule is 'fixed', expected selection.k with it")
        return k


class TuningSettings(Section):
    """Alternatives to the values in [features]: all combinations are fitted, and the model uses the best of them."""

    columns: ListOf[FeatureNames] = Field(
        default=(), description='lists of features, such as [["bpm", "energy", "valence"]]'
    )
    scalers: ListOf[Literal["minmax", "standard", "robust"]] = Field(
        default=(), description='scalers, such as ["standard"]'
    )
    log: ListOf[LoggedNames | Offsets] = Field(
        default=(), description='values of features.log, such as [["speechiness"], { liveness = 0.01 }]'
    )
    weights: ListOf[Weights] = Field(default=(), description="tables of weights, such as [{ bpm = 0.5 }]")


class TrainSettings(Section):
    """Settings for when the pipeline trains a model."""

    when: Literal["missing", "always"] = Field(
        default="missing", description='"missing": if no model with these settings exists; "always": in every run'
    )


class LabelSettings(Section):
    """Settings for which model labels the tracks, and the words that describe its clusters."""

    model_version: Text = Field(
        default="latest", description='a folder below models/; "latest": the newest training that finished'
    )
    words: dict[str, Any] = Field(
        default={},
        description='words of descriptions by feature, such as { bpm = { high = "schnell", low = "langsam" } }',
        json_schema_extra={"expected": word_tables.EXPECTED},
    )

    @field_validator("words")
    @classmethod
    def _are_usable(cls, words: dict[str, Any]) -> dict[str, Any]:
        faults = word_tables.faults(words)
        if faults:
            raise Contradiction("; ".join(faults))
        return words


class RecommendSettings(Section):
    """Settings for how similarity is measured, and which similar tracks are recommended."""

    likeness: Literal["era", "audio", "nine"] = Field(
        default="era",
        description='what tracks are compared by: "era": sound and year, "audio": sound, "nine": that of segue 0.2',
    )
    features: SimilarityNames | None = Field(
        default=None,
        examples=[["bpm", "energy", "year"]],
        description="compare by these features; likeness, with its log and weights, is then not used",
    )
    log: Offsets | None = Field(
        default=None,
        examples=[{"speechiness": 0.01}],
        description="features to take the logarithm of before scaling, each with a number that is added first",
    )
    weights: SimilarityWeights | Literal["learned"] | None = Field(
        default=None,
        validate_default=True,
        examples=[{"year": 2.0}],
        description='a factor for each scaled feature, 1 for those not listed; "learned": by learn_similarity.py',
        json_schema_extra={
            "expected": 'a table of features and their weights above 0, such as { year = 2.0 }, or "learned"'
        },
    )
    scaling: Literal["minmax", "standard", "quantile"] = Field(
        default="standard",
        description='"minmax", "standard" (mean 0, deviation 1) or "quantile" (the share of tracks with lower values)',
    )
    method: Literal["auto", "tree", "cells"] = Field(
        default="auto",
        description='"tree": a k-d tree on every worker; "cells": for more tracks than a tree holds; "auto": by size',
    )
    per_artist: int = Field(default=2, ge=0, le=10, description="maximum tracks by one artist in a list; 0: no limit")
    other_releases: bool = Field(default=False, description="true: include other releases of the same recording")
    same_genre: bool = Field(default=False, description="true: only tracks of the same genre")
    years_apart: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        default=None, examples=[5], description="maximum difference between the years of release"
    )
    harmonic: bool = Field(
        default=False, description="true: only tracks whose key mixes well with the track's, by the Camelot wheel"
    )
    min_popularity: Annotated[float, Field(ge=0, le=100)] | None = Field(
        default=None, examples=[20], description="minimum popularity of a recommended track, 0 to 100"
    )
    outliers: bool = Field(default=True, description="false: exclude tracks that are far from every cluster centre")
    playlist_length: int = Field(
        default=30, ge=1, le=1000, description="maximum tracks recommended for a list given by --seeds"
    )
    order: Literal["score", "segue"] = Field(
        default="score",
        description='of tracks recommended for --seeds: by "score", or "segue": tempo, key and energy change little',
    )

    @field_validator("weights")
    @classmethod
    def _are_learned_with_features(
        cls, weights: dict[str, float] | str | None, info: ValidationInfo
    ) -> dict[str, float] | str | None:
        others = [name for name in ("features", "log") if info.data.get(name) is not None]
        if weights == LEARNED and others:
            raise Contradiction(
                f"recommend.weights is {LEARNED!r}, which has its own features and logarithms; "
                f"expected no recommend.{' and no recommend.'.join(others)}"
            )
        return weights

    @property
    def is_learned(self) -> bool:
        """Whether tracks are compared by the latest weights in the table ``learned_similarity``."""
        return self.weights == LEARNED

    @property
    def compared(self) -> Likeness:
        """The features, logarithms and weights by which tracks are compared.

        The default is the preset ``likeness``. If ``features`` is given, it replaces the preset's features, and there
        are no logarithms and weights. If ``log`` or ``weights`` is given, it replaces the logarithms or the weights.
        Weights in ``learned_similarity`` are not considered here: "learned" counts as no ``weights``.
        """
        preset = PRESETS[self.likeness] if self.features is None else Likeness(self.features)
        log = preset.log if self.log is None else self.log
        weights = self.weights if isinstance(self.weights, dict) else preset.weights
        return Likeness(preset.features, log, weights)


class ReportSettings(Section):
    """Settings for how many tracks the report shows of a large catalogue."""

    points: int = Field(
        default=5000, ge=100, le=7000, description="maximum tracks on the maps, in proportion to the clusters' sizes"
    )
    searchable: int = Field(
        default=300,
        ge=0,
        le=1000,
        description="tracks that the search box finds besides the typical ones of each cluster, the most popular first",
    )


class Settings(BaseModel):
    """All settings of a run, one attribute per section. ``model_dump(mode="json")`` gives nested dicts and lists."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ingest: IngestSettings = Field(default_factory=IngestSettings)
    features: FeatureSettings = Field(default_factory=FeatureSettings)
    clustering: ClusteringSettings = Field(default_factory=ClusteringSettings)
    selection: SelectionSettings = Field(default_factory=SelectionSettings)
    tuning: TuningSettings = Field(default_factory=TuningSettings)
    train: TrainSettings = Field(default_factory=TrainSettings)
    label: LabelSettings = Field(default_factory=LabelSettings)
    recommend: RecommendSettings = Field(default_factory=RecommendSettings)
    report: ReportSettings = Field(default_factory=ReportSettings)

    @field_validator("label")
    @classmethod
    def _is_latest_if_always_trained(cls, label: LabelSettings, info: ValidationInfo) -> LabelSettings:
        train = info.data.get("train")  # absent if invalid
        if train is not None and train.when == "always" and label.model_version != "latest":
            raise Contradiction(
                f"train.when is 'always' and label.model_version is {label.model_version!r}, expected one or the other"
            )
        return label
