"""Add a small cluster far from all other tracks (planted tracks), and check for which k each engine isolates it."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

import common
import numpy as np
from common import JsonLines, Matrix
from engines import SEGUE, Fit
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from sklearn.cluster import KMeans

MARK = "planted"
OFFSET, WIDTH = 3.0, 0.05
"""Interval of the planted tracks' values of each feature: its distance from the feature's minimum, and its width.

Both are multiples of the feature's range. For a feature in [0, 1], the planted values lie in [3.0, 3.05].
"""


def with_planted(tracks: DataFrame, share: float, features: Sequence[str]) -> DataFrame:
    """Add copies of a fraction of the tracks, with far values and the genre ``planted``. Runs one Spark job.

    The range of every feature grows by the same factor. So scaling to [0, 1] shrinks the other tracks equally in all
    features.
    """
    aggregates = [f(name).alias(f"{f.__name__} {name}") for f in (F.min, F.max) for name in features]
    (ends,) = tracks.agg(*aggregates).collect()
    moved = {
        name: F.lit(ends[f"min {name}"])
        + (OFFSET + WIDTH * _fraction(name)) * (ends[f"max {name}"] - ends[f"min {name}"])
        for name in features
    }
    copies = tracks.where(_fraction("chosen") < share).withColumns(
        {**moved, "track_id": F.concat(F.lit(f"{MARK}-"), "track_id"), "genre": F.lit(MARK)}
    )
    return tracks.unionByName(copies)


def _fraction(name: str) -> Column:
    """Return a Column of pseudo-random numbers in [0, 1), a hash of the track's id and ``name``."""
    return (F.xxhash64("track_id", F.lit(name)).cast("double") + 2.0**63) / 2.0**64


class PlantedScores:
    """Checks for every fit whether it isolates the planted tracks: one cluster has all of them and no other track."""

    def __init__(self, lines: JsonLines, points: DataFrame, rows: Matrix) -> None:
        genres = points.select("genre").toArrow().column("genre").to_pylist()
        self._lines = lines
        self._rows = rows
        self._is_planted = np.array([genre == MARK for genre in genres])
        if not self._is_planted.any():
            raise ValueError(f"no track of {len(rows)} was planted: raise --planted or --tracks")
        self.isolated: dict[str, dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))

    def add(self, engine: str, seed: int, fits: list[Fit]) -> None:
        """Check the fits of one engine and seed, and write a JSON line for each."""
        for fit in fits:
            labels = common.nearest_centres(self._rows, fit.centres)
            inside = np.unique(labels[self._is_planted])
            isolated = bool(len(inside) == 1 and not np.isin(labels[~self._is_planted], inside).any())
            self.isolated[engine][fit.k].append(isolated)
            self._lines.write(engine=engine, seed=seed, k=fit.k, planted_alone=isolated)

    def summarise(
        self, inertias: dict[str, dict[int, list[float]]], silhouettes: dict[int, list[float]], n_init: int
    ) -> None:
        """Write for which k the best known clustering isolates the planted tracks, and for which k the engines do.

        The best known clustering of a k has the lowest inertia of all fits and of one more clustering: the planted
        tracks as one cluster, and k - 1 clusters of all other tracks by scikit-learn with ``n_init`` starts.

        Parameters
        ----------
        inertias : by engine and k, the inertias with all seeds
        silhouettes : by k, segue's silhouettes with all seeds
        n_init : number of starts of scikit-learn
        """
        planted, others = self._rows[self._is_planted], self._rows[~self._is_planted]
        planted_inertia = float(((planted - planted.mean(axis=0)) ** 2).sum())
        right_ks = []
        for k in sorted(inertias[SEGUE]):
            rest = KMeans(k - 1, n_init=n_init, random_state=0).fit(others).inertia_
            candidates = [(rest + planted_inertia, True)]
            for engine, by_k in self.isolated.items():
                candidates += zip(inertias[engine].get(k, []), by_k.get(k, []), strict=True)
            best, isolated = min(candidates)
            common.progress(f"k {k}: best inertia {best:.6g}, planted tracks isolated: {'yes' if isolated else 'no'}")
            if isolated:
                right_ks.append(k)
        scores = {k: median(values) for k, values in silhouettes.items()}
        always = {engine: [k for k, flags in by_k.items() if all(flags)] for engine, by_k in self.isolated.items()}
        self._lines.write(
            summary="planted", planted=len(planted), tracks=len(self._rows), right_ks=right_ks,
            alone_with_every_seed=always,
            right_ks_missed={engine: [k for k in right_ks if k not in ks] for engine, ks in always.items()},
            best_silhouette_k=max(scores, key=lambda k: scores[k]), best_silhouette=max(scores.values()),
        )  # fmt: skip
