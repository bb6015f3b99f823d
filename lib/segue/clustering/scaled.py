"""Features as a model sees them, by the numbers of its card alone; no Spark here."""

import numpy as np
from numpy.typing import NDArray

from segue.clustering.card import ModelCard

Matrix = NDArray[np.float64]


def scaled(card: ModelCard, values: Matrix) -> Matrix:
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
