"""A small cluster far from all other tracks, put into a catalogue: is it found as soon as it is worth a centre?"""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

import common
import numpy as np
from common import Lines, Matrix
from engines import SEGUE, Found
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from sklearn.cluster import KMeans

MARK = "planted"
FAR, WIDTH = 3.0, 0.05
"""Where the planted tracks are in every feature, in widths of its range: no music comes near."""


def with_planted(tracks: DataFrame, share: float, features: Sequence[str]) -> DataFrame:
    """Return the tracks, and copies of so many of them moved far away, of the genre ``planted``. Runs a Spark job.

    All features' ranges grow by the same factor, so that scaling them to [0, 1] leaves the shape of the rest as it was.
    """
    ends = tracks.agg(*(f(name).alias(f"{f.__name__} {name}") for f in (F.min, F.max) for name in features)).collect()[
        0
    ]
    moved = {
        name: F.lit(ends[f"min {name}"]) + (FAR + WIDTH * _fraction(name)) * (ends[f"max {name}"] - ends[f"min {name}"])
        for name in features
    }
    copies = tracks.where(_fraction("chosen") < share).withColumns(
        {**moved, "track_id": F.concat(F.lit(f"{MARK}-"), "track_id"), "genre": F.lit(MARK)}
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
        """Tell for which k the best clusters that are known have the planted tracks alone, and who found them.

        One candidate is built on purpose: scikit-learn's k - 1 clusters of all other tracks, and the planted ones.
        """
        ks = sorted(inertias[SEGUE])
        own, others = self._rows[self._is_planted], self._rows[~self._is_planted]
        aside = float(((own - own.mean(axis=0)) ** 2).sum())
        right = []
        for k in ks:
            candidates = [(KMeans(k - 1, n_init=n, random_state=0).fit(others).inertia_ + aside, True)]
            for engine, by_k in self.alone.items():
                candidates += zip(inertias[engine].get(k, []), by_k.get(k, []), strict=True)
            best, alone = min(candidates)
            common.progress(f"k {k}: the best has inertia {best:.6g}, the planted {'' if alone else 'not '}alone")
            if alone:
                right.append(k)
        scores = {k: median(values) for k, values in silhouettes.items()}
        alone_in = {engine: [k for k, told in by_k.items() if all(told)] for engine, by_k in self.alone.items()}
        self._lines.tell(
            summary="planted", planted=len(own), tracks=len(self._rows), right_ks=right,
            alone_with_every_seed=alone_in,
            right_ks_missed={engine: [k for k in right if k not in found] for engine, found in alone_in.items()},
            best_silhouette_k=max(scores, key=lambda k: scores[k]), best_silhouette=max(scores.values()),
        )  # fmt: skip
