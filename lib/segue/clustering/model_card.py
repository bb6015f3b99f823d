"""Make and parse the text of ``model.json``, the complete description of a trained model in JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segue.clustering.descriptions import reword
from segue.core.text import json_digest
from segue.errors import InputError
from segue.settings.words import Words

Matrix = NDArray[np.float64]
_VERSION_DIGITS = 16


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The content of ``model.json``. Lists by cluster begin with cluster 1; lists by feature follow ``features``.

    To label a track:

    1. Replace missing features by ``imputed``, and each feature x in ``log`` by log1p(x).
    2. Scale with ``scaler``: ``minmax`` gives (x - minimum) / (maximum - minimum), or 0.5 if the two are equal;
       ``standard`` gives (x - mean) / deviation and ``robust`` (x - median) / range, both 0 if the divisor is 0.
    3. Multiply by ``weights``: by 1 if a feature has none.
    4. The track belongs to the cluster whose centre in ``centres_scaled`` is nearest, on a tie to the lower number.
    """

    model_version: str
    trained_at: str
    settings: dict[str, Any]
    """The training settings. Training with equal settings, tracks and library versions reuses the model."""
    versions: dict[str, str]
    """Versions of segue, Python and libraries, by name."""
    space: str
    """Name of the feature space: ``FeatureSpace.name``."""
    features: list[str]
    imputed: dict[str, float]
    """Value that replaces a missing one, by feature: the median in training. Empty if nothing is imputed."""
    log: list[str]
    scaler: dict[str, Any]
    """Result of ``feature_space.scaler_parameters``."""
    weights: dict[str, float]
    n_tracks: int
    """Number of tracks in training."""
    silhouette: float
    """Mean silhouette of the tracks in training."""
    centres: list[list[float]]
    """Centres of the clusters, in the units of the features."""
    centres_scaled: list[list[float]]
    """Centres of the clusters, in scaled units."""
    sizes: list[int]
    """Number of tracks of each cluster in training."""
    cluster_names: list[str]
    cluster_descriptions: list[str]
    thresholds: list[float]
    """Of each cluster, the distance from the centre, in scaled units, above which a track is an outlier."""
    sums: list[list[float]]
    """Sum of the scaled points of each cluster."""
    square_sums: list[float]
    """Sum of the squared lengths of the scaled points of each cluster."""
    profiles: list[dict[str, Any]]
    """The rows of the table ``cluster_profiles``."""

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


def with_words(model_card: ModelCard, words: Words) -> ModelCard:
    """Return a model card with other words in the descriptions of its clusters, see ``descriptions.reword``."""
    described = [reword(description, words) for description in model_card.cluster_descriptions]
    return with_descriptions(model_card, described)


def with_descriptions(model_card: ModelCard, described: Sequence[str]) -> ModelCard:
    """Return a model card with other descriptions of its clusters, one each, cluster 1 first."""
    profiles = [
        row | {"cluster_description": description}
        for row, description in zip(model_card.profiles, described, strict=True)
    ]
    return replace(model_card, cluster_descriptions=list(described), profiles=profiles)


def model_version(content: Mapping[str, Any]) -> str:
    """Return the version of a model: the first 16 hexadecimal digits of a SHA-256.

    Parameters
    ----------
    content : everything that determines the model: a checksum of the tracks, settings, library versions
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
