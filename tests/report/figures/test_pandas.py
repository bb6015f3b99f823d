"""Figures of pandas columns, as in the notebooks, equal those of lists."""

import numpy as np
import pandas as pd
import pytest

from segue.report import figures

NUMBERS, VALUES, NAMES = [1, 2, 3], [0.25, 0.5, 0.75], ["bpm", "energy", "valence"]
DRAWN = {
    "distribution": lambda of: figures.distribution("bpm", of(VALUES), of([5, 6])),
    "tracks by year": lambda of: figures.by_year("tracks", of(NUMBERS), of(NUMBERS)),
    "by year": lambda of: figures.by_year("duration_s", of(NUMBERS), of(VALUES)),
    "ranking": lambda of: figures.ranking(of(NAMES), of(NUMBERS), unit="tracks"),
    "popularity": lambda of: figures.popularity("bpm", of(VALUES), of(VALUES), of(NUMBERS)),
    "k_scores": lambda of: figures.k_scores(of(NUMBERS), of(VALUES), 3, score_name="Silhouette"),
    "silhouettes": lambda of: figures.silhouettes(of(NUMBERS), of(VALUES), mean=0.5),
    "cluster_map": lambda of: figures.cluster_map(
        of(VALUES), of(VALUES), of(NUMBERS), of(NAMES), of(NAMES), explained_variance_ratio=of([0.5, 0.2])
    ),
    "scatter_3d": lambda of: figures.scatter_3d(
        dict.fromkeys(NAMES, of(VALUES)), of(NUMBERS), of(NAMES), of(NAMES), axes=NAMES
    ),
    "profile": lambda of: figures.profile(of(NAMES), of(VALUES), cluster=2),
    "genre_heatmap": lambda of: figures.genre_heatmap(of(NAMES), of(NUMBERS), np.ones((3, 3))),
}


def column(values):
    """Return a column with an unordered index, as after a filter or a sort."""
    return pd.Series(values, index=[2, 0, 7][: len(values)])


@pytest.mark.parametrize("name", DRAWN)
def test_a_column_equals_a_list(name):
    assert DRAWN[name](column).to_dict() == DRAWN[name](list).to_dict()


def test_correlations_of_a_data_frame():
    frame = pd.DataFrame(np.eye(3), index=NAMES, columns=NAMES)
    assert figures.correlations(frame.columns, frame) == figures.correlations(NAMES, np.eye(3))


def test_nan_is_a_gap():
    (line,) = figures.by_year("duration_s", [1990, 1991], pd.Series([120.0, np.nan])).data
    assert (line.y, line.customdata) == ((2.0, None), ("2:00", ""))
