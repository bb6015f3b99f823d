"""Define ModelCard, the content of ``model.json``: everything needed to label tracks with a trained model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segue.clustering.descriptions import reword
from segue.clustering.discriminants import project
from segue.core.text import json_digest
from segue.errors import InputError
from segue.settings.words import Words

Matrix = NDArray[np.float64]
_VERSION_DIGITS = 16
_LATER_KEYS = ("log_offsets", "discriminants")
"""Keys of ``model.json`` added after version 0.2.0. Files of that version lack them."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The content of ``model.json``. Lists by cluster begin with cluster 1; lists by feature follow ``features``.

    To label a track:

    1. Replace missing features by ``imputed``. Then replace each feature x in ``log`` by log1p(x), and each feature x
       in ``log_offsets`` by ln(x + offset).
    2. If ``discriminants`` is not null, replace the features x by the discriminants (x - mean) @ matrix, with ``mean``
       and ``matrix`` of ``discriminants``. Their names are ``discriminant_1``, ``discriminant_2`` and so on.
    3. Scale with ``scaler``: ``minmax`` gives (x - minimum) / (maximum - minimum), or 0.5 if the divisor is 0.
       ``standard`` gives (x - mean) / deviation, and ``robust`` gives (x - median) / range; 0 if the divisor is 0.
    4. Multiply each feature or discriminant by its number in ``weights``, or by 1 if it is not listed there.
    5. Find the nearest centre in ``centres_scaled``: the first is that of cluster 1. On a tie, the lower cluster number
       is the label.
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
    """Value that replaces missing values, by feature: the median in training. Features not listed are not imputed."""
    log: list[str]
    scaler: dict[str, Any]
    """Name and parameters of the fitted scaler, from ``feature_space.scaler_parameters``."""
    weights: dict[str, float]
    n_tracks: int
    """Number of tracks in training."""
    silhouette: float
    """Mean silhouette of the tracks in training."""
    centres: list[list[float]]
    """Centres of the clusters, in the units of the features."""
    centres_scaled: list[list[float]]
    """Centres of the clusters, in scaled units: after step 4."""
    sizes: list[int]
    """Number of tracks of each cluster in training."""
    cluster_names: list[str]
    cluster_descriptions: list[str]
    thresholds: list[float]
    """Outlier threshold of each cluster: a track farther from the centre is an outlier. Scaled units."""
    sums: list[list[float]]
    """Sum of the scaled points of each cluster."""
    square_sums: list[float]
    """Sum of the squared lengths of the scaled points of each cluster."""
    profiles: list[dict[str, Any]]
    """The model's rows of the table ``cluster_profiles``, without the column ``model_version``."""
    log_offsets: dict[str, float] = field(default_factory=dict)
    """Features replaced by ln(value + offset), each with its offset: ``{"duration_s": 1.0}``."""
    discriminants: dict[str, Any] | None = None
    """The discriminants of a model guided by genres, from ``Discriminants.to_json``; None for all other models."""

    @property
    def k(self) -> int:
        """The number of clusters."""
        return len(self.sizes)

    def to_json(self) -> str:
        """Return the text of ``model.json``, with one key per field, in the order of the fields.

        Raises
        ------
        ValueError
            If a number is NaN or infinite, for which JSON has no literal.
        """
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def from_json(text: str, source: str) -> ModelCard:
    """Parse the text of a ``model.json`` into a ModelCard. Unknown keys are ignored.

    Parameters
    ----------
    text : content of a ``model.json``
    source : path of the file, for the error message

    Raises
    ------
    InputError
        If the text is not a JSON object, or lacks a key other than ``log_offsets`` and ``discriminants``.
    """
    try:
        content = json.loads(text)
        names = [each.name for each in fields(ModelCard) if each.name in content or each.name not in _LATER_KEYS]
        return ModelCard(**{name: content[name] for name in names})
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{source}: cannot read model.json ({error!r}), expected every key that this version of segue writes; "
            "train again with train_clusters.py"
        ) from error


def with_words(model_card: ModelCard, words: Words) -> ModelCard:
    """Replace phrases in the descriptions of clusters by other words; return a new ModelCard.

    ``words`` is the setting ``label.words``, such as ``{"bpm": {"high": "schnell"}}``. See ``descriptions.reword``.
    """
    described = [reword(description, words) for description in model_card.cluster_descriptions]
    return with_descriptions(model_card, described)


def with_descriptions(model_card: ModelCard, described: Sequence[str]) -> ModelCard:
    """Replace the descriptions of all clusters; return a new ModelCard.

    ``described`` has one description per cluster, cluster 1 first.
    """
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
        Equal content gives equal versions, for any order of the dictionary keys.
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
    array of shape (n_tracks, n_coordinates)
        The coordinates are the features or, if the model is guided, the discriminants. If a feature is missing and not
        imputed, its coordinate is NaN; in a guided model, all coordinates of the track are NaN.
    """
    points = values.copy()
    for index, name in enumerate(model_card.features):
        column = points[:, index]
        if name in model_card.imputed:
            column[np.isnan(column)] = model_card.imputed[name]
        if name in model_card.log:
            column[:] = np.log1p(column)
        if name in model_card.log_offsets:
            column[:] = np.log(column + model_card.log_offsets[name])
    if model_card.discriminants:
        learned = model_card.discriminants
        points = project(points, np.array(learned["mean"]), np.array(learned["matrix"]))
    return _scaled(model_card, points)


def _scaled(model_card: ModelCard, points: Matrix) -> Matrix:
    """Scale and weight points, steps 3 and 4 of ``ModelCard``; NaN stays NaN. Shape (n_tracks, n_coordinates)."""
    is_missing = np.isnan(points)
    scaler = {name: np.array(numbers) for name, numbers in model_card.scaler.items() if name != "name"}
    if "minimum" in scaler:
        offset, width, constant = scaler["minimum"], scaler["maximum"] - scaler["minimum"], 0.5
    elif "mean" in scaler:
        offset, width, constant = scaler["mean"], scaler["deviation"], 0.0
    else:
        offset, width, constant = scaler["median"], scaler["range"], 0.0
    points = np.where(width > 0, (points - offset) / np.where(width > 0, width, 1.0), constant)
    points[is_missing] = np.nan
    weighted: Matrix = points * np.array([model_card.weights.get(name, 1.0) for name in coordinates(model_card)])
    return weighted


def coordinates(model_card: ModelCard) -> list[str]:
    """Return the names of a point's coordinates: of the discriminants or, without discriminants, of the features."""
    if not model_card.discriminants:
        return model_card.features
    return [f"discriminant_{index + 1}" for index in range(len(model_card.discriminants["matrix"][0]))]


def directions(model_card: ModelCard) -> Matrix:
    """Return how each feature moves a point, as a matrix of shape (n_features, n_coordinates).

    For a model with discriminants, row i is the change of the scaled and weighted point if feature i, after its
    logarithm, grows by one standard deviation. For other models, the result is the identity matrix.
    """
    if not model_card.discriminants:
        return np.eye(len(model_card.features))
    learned = model_card.discriminants
    origin = np.array(learned["mean"])
    steps = project(origin + np.diag(learned["deviation"]), origin, np.array(learned["matrix"]))
    zero, *moved = _scaled(model_card, np.concatenate([np.zeros((1, steps.shape[1])), steps]))
    moves: Matrix = np.array(moved) - zero
    return moves
