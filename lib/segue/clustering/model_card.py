"""Read and write ``model.json``: the complete description of a trained model, readable without Spark or Python."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segue.core.text import json_digest
from segue.errors import InputError

Matrix = NDArray[np.float64]
_VERSION_DIGITS = 16


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The content of ``model.json``. Lists by cluster begin with cluster 1; lists by feature follow ``features``.

    To label a track: replace missing features by ``imputed``; replace features in ``log`` by log1p(x); scale with
    ``scaler``, where ``minmax`` gives (x - minimum) / (maximum - minimum), or 0.5 if the two are equal, ``standard``
    gives (x - mean) / deviation and ``robust`` gives (x - median) / range, both 0 if the divisor is 0; multiply by
    ``weights``. The cluster is that of the nearest of ``centres_scaled``, on a tie the lower number.
    """

    model_version: str
    trained_at: str
    settings: dict[str, Any]
    """The training settings. Training again with equal settings on the same tracks reuses the model."""
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
    """Centres of the clusters, in the units of the features."""
    centres_scaled: list[list[float]]
    sizes: list[int]
    cluster_names: list[str]
    cluster_descriptions: list[str]
    thresholds: list[float]
    """Distance from the centre, in scaled units, above which a track is an outlier of its cluster."""
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
        """Return the model card as JSON; equal cards give equal text.

        Raises
        ------
        ValueError
            If a number is NaN or infinite, for which JSON has no literal.
        """
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def from_json(text: str, source: str) -> ModelCard:
    """Parse a JSON text into a ModelCard; unknown keys are ignored.

    Parameters
    ----------
    text : content of a ``model.json``
    source : path of the file, for the error message

    Raises
    ------
    InputError
        If the text is not JSON or lacks a key.
    """
    try:
        content = json.loads(text)
        return ModelCard(**{field.name: content[field.name] for field in fields(ModelCard)})
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{source}: cannot read model.json ({error!r}), expected every key that this version of segue writes; "
            "train again with train_clusters.py"
        ) from error


def model_version(content: Mapping[str, Any]) -> str:
    """Return the version of a model: the first 16 hexadecimal digits of a SHA-256.

    Parameters
    ----------
    content : what determines the model: fingerprint of the tracks, settings, library versions
        Equal content gives equal versions, in any order of keys.
    """
    return json_digest(content, _VERSION_DIGITS, ensure_ascii=False)


def scale_features(model_card: ModelCard, values: Matrix) -> Matrix:
    """Impute, scale and weight the features of tracks by the formulas of ``ModelCard``; return their scaled points.

    Parameters
    ----------
    model_card : the model
    values : shape (n_tracks, n_features)
        In the tables' units and the order of ``model_card.features``; NaN is a missing value.

    Returns
    -------
    array of shape (n_tracks, n_features)
        NaN where a feature is missing and the model does not impute it.
    """
    points = values.copy()
    for index, name in enumerate(model_card.features):
        column = points[:, index]
        if name in model_card.imputed:
            column[np.isnan(column)] = model_card.imputed[name]
        if name in model_card.log:
            column[:] = np.log1p(column)
    scaler = {name: np.array(numbers) for name, numbers in model_card.scaler.items() if name != "name"}
    if "minimum" in scaler:
        offset, width, constant = scaler["minimum"], scaler["maximum"] - scaler["minimum"], 0.5
    elif "mean" in scaler:
        offset, width, constant = scaler["mean"], scaler["deviation"], 0.0
    else:
        offset, width, constant = scaler["median"], scaler["range"], 0.0
    points = np.where(width > 0, (points - offset) / np.where(width > 0, width, 1.0), constant)
    points[np.isnan(values) & ~np.isin(model_card.features, list(model_card.imputed))] = np.nan
    weighted: Matrix = points * np.array([model_card.weights.get(name, 1.0) for name in model_card.features])
    return weighted
