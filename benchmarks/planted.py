"""A small cluster far from all other tracks, put into a catalogue: is it found as soon as it is worth a centre?"""

from collections import defaultdict
from statistics import median

import common
import numpy as np
from common import Lines, Matrix
from engines import SEGUE, Found
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from sklearn.cluster import KMeans

MARK = "planted"
AS_GOOD = 1e-4
"""Inertias that differ by less than this share count as equal."""
# a corner where no music is: loud, lively, cheerful, acoustic and spoken all at once
CORNER = {
    "bpm": (222.0, 230.0),
    "loudness": (-2.0, 0.0),
    "liveness": (0.96, 1.0),
    "valence": (0.96, 1.0),
    "acousticness": (0.96, 1.0),
    "speechiness": (0.96, 1.0),
}


def with_planted(tracks: DataFrame, share: float) -> DataFrame:
    """Return the tracks and so many copies of some of them, moved into the corner, of the genre ``planted``."""
    chance = _fraction("chosen")
    copies = tracks.where(chance < share).withColumns(
        {
            "track_id": F.concat(F.lit(f"{MARK}-"), "track_id"),
            "genre": F.lit(MARK),
            **{name: F.lit(low) + _fraction(name) * (high - low) for name, (low, high) in CORNER.items()},
        }
    )
    return tracks.unionByName(copies)


def _fraction(name: str) -> Column:
    """Return a number in [0, 1) that the track and the name decide."""
    return (F.xxhash64("track_id", F.lit(name)).cast("double") + 2.0**63) / 2.0**64


class Judge:
    """Tells for every fit whether one of its clusters is the planted tracks, all of them and no other."""

    def __init__(self, lines: Lines, points: DataFrame, rows: Matrix) -> None:
        genres = points.select("genre").toArrow().column("genre").to_pylist()
        self._lines = lines
        self._rows = rows
        self._is_planted = np.array([genre == MARK for genre in genres])
        if not self._is_planted.any():
            raise ValueError(f"no track of {len(rows)} was planted, wanted a larger share or more tracks")
        self.alone: dict[str, dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))

    def enter(self, engine: str, seed: int, found: list[Found]) -> None:
        """Tell where the planted tracks went."""
        for one in found:
            labels = common.nearest(self._rows, one.centres)
            inside = np.unique(labels[self._is_planted])
            alone = len(inside) == 1 and not np.isin(labels[~self._is_planted], inside).any()
            self.alone[engine][one.k].append(bool(alone))
            self._lines.tell(engine=engine, seed=seed, k=one.k, planted_alone=bool(alone))

    def sum_up(self, inertias: dict[str, dict[int, list[float]]], silhouettes: dict[int, list[float]], n: int) -> None:
        """Tell from which k on a centre of their own is the best that is known, and from which k each engine says so.

        The best with a centre of their own: scikit-learn's k - 1 clusters of all other tracks, and their mean.
        """
        ks = sorted(inertias[SEGUE])
        own = self._rows[self._is_planted]
        aside = float(((own - own.mean(axis=0)) ** 2).sum())
        others = self._rows[~self._is_planted]
        worth = []
        for k in ks:
            apart = KMeans(k - 1, n_init=n, random_state=0).fit(others).inertia_ + aside
            best = min(min(by_k[k]) for by_k in inertias.values() if k in by_k)
            if apart <= best * (1 + AS_GOOD):
                worth.append(k)
            common.progress(f"k {k}: inertia {apart:.6g} with the planted apart, {best:.6g} at best")
        scores = {k: median(values) for k, values in silhouettes.items()}
        self._lines.tell(
            summary="planted", planted=int(self._is_planted.sum()), right_ks=worth,
            alone={engine: [k for k, told in by_k.items() if all(told)] for engine, by_k in self.alone.items()},
            right_ks_missed={
                engine: [k for k in worth if not all(by_k.get(k, [True]))] for engine, by_k in self.alone.items()
            },
            best_silhouette_k=max(scores, key=lambda k: scores[k]),
        )  # fmt: skip
