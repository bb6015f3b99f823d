"""``model.json``: everything that a model knows, for any language to read; no Spark here."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segue.core.text import json_digest
from segue.errors import InputError

FILE_NAME = "model.json"
_VERSION_DIGITS = 16


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One trained model. Lists by cluster have cluster 1 first; lists by feature follow ``features``.

    A track is labeled so: missing features become ``imputed``; those in ``log`` become log1p; minmax makes
    x (x - minimum) / (maximum - minimum), or 0.5 where the two are equal; standard makes it (x - mean) / deviation,
    robust (x - median) / range, or 0 where that divides by 0; each is multiplied by its weight; the
    nearest of ``centres_scaled`` is the cluster, the lower of equals.
    """

    model_version: str
    trained_at: str
    settings: dict[str, Any]
    """The training settings: what another training must share for this model to do."""
    versions: dict[str, str]
    space: str
    features: list[str]
    imputed: dict[str, float]
    log: list[str]
    scaler: dict[str, Any]
    weights: dict[str, float]
    n_tracks: int
    silhouette: float
    centres: list[list[float]]
    centres_scaled: list[list[float]]
    sizes: list[int]
    cluster_names: list[str]
    cluster_descriptions: list[str]
    thresholds: list[float]
    """A track farther than this from its centre, in scaled units, is an outlier of its cluster."""
    sums: list[list[float]]
    """Sum of the scaled points of each cluster."""
    square_sums: list[float]
    """Sum of the squared lengths of the scaled points of each cluster."""
    profiles: list[dict[str, Any]]
    """The rows of ``cluster_profiles``."""

    @property
    def k(self) -> int:
        """The number of clusters."""
        return len(self.sizes)

    def to_json(self) -> str:
        """Return the card as JSON, the same text for the same card."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def from_json(text: str, where: str) -> ModelCard:
    """Return the card, or raise InputError where the text is none."""
    try:
        content = json.loads(text)
        return ModelCard(**{field.name: content[field.name] for field in fields(ModelCard)})
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{where} is no model.json that this segue reads: {error!r}; train again") from error


def as_json(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content as it reads back from JSON, so that what was saved compares with what is set."""
    return json.loads(json.dumps(content))


def model_version(content: Mapping[str, Any]) -> str:
    """Return the name of a training: a hash of its tracks, settings, seed and library versions."""
    return json_digest(content, _VERSION_DIGITS, ensure_ascii=False)


Matrix = NDArray[np.float64]


def scale_features(card: ModelCard, values: Matrix) -> Matrix:
    """Return the points of a model's space, as ``ModelCard`` describes it.

    Parameters
    ----------
    card : the model
    values : shape (n_tracks, n_features), in the unit of the tables and the order of ``card.features``; NaN is missing

    Returns
    -------
    Shape (n_tracks, n_features); NaN where a feature is missing that the model does not fill.
    """
    points = values.copy()
    for place, name in enumerate(card.features):
        column = points[:, place]
        if name in card.imputed:
            column[np.isnan(column)] = card.imputed[name]
        if name in card.log:
            column[:] = np.log1p(column)
    scaler = {name: np.array(numbers) for name, numbers in card.scaler.items() if name != "name"}
    if "minimum" in scaler:
        width = scaler["maximum"] - scaler["minimum"]
        points = np.where(width > 0, (points - scaler["minimum"]) / np.where(width > 0, width, 1.0), 0.5)
    else:
        middle, width = (
            (scaler["mean"], scaler["deviation"]) if "mean" in scaler else (scaler["median"], scaler["range"])
        )
        points = np.where(width > 0, (points - middle) / np.where(width > 0, width, 1.0), 0.0)
    points[np.isnan(values) & ~np.isin(card.features, list(card.imputed))] = np.nan
    return points * np.array([card.weights.get(name, 1.0) for name in card.features])
