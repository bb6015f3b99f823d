"""Quartiles of large clusters in bounded memory: what lies between the least and the greatest is counted in bins."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

N_BINS = 4096
"""Between the least and the greatest value of a feature in a cluster: a quartile is as exact as a bin is wide."""
Key = tuple[int, str]


def fit_quartiles(tracks: DataFrame, ranges: Mapping[Key, tuple[float, float]]) -> dict[Key, list[float]]:
    """Return lower quartile, median and upper quartile of features within clusters. Runs one Spark job.

    Parameters
    ----------
    tracks : ``cluster`` and the features that ``ranges`` names; null is left out
    ranges : for each cluster and feature the least and the greatest value
    """
    names = sorted({name for _, name in ranges})
    clusters = sorted({cluster for cluster, _ in ranges})

    def count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        counts = {key: np.zeros(N_BINS) for key in ranges}
        for batch in batches:
            own = batch.column(0).to_numpy()
            for place, name in enumerate(names, 1):
                values = batch.column(place).to_numpy(zero_copy_only=False)
                for cluster in clusters:
                    if (cluster, name) in ranges:
                        inside = values[(own == cluster) & ~np.isnan(values)]
                        bins = _bins(inside, *ranges[cluster, name])
                        counts[cluster, name] += np.bincount(bins, minlength=N_BINS)
        keys = list(counts)
        yield pa.RecordBatch.from_arrays(
            [
                pa.array([cluster for cluster, _ in keys], pa.int32()),
                pa.array([name for _, name in keys]),
                pa.array([counts[key].tolist() for key in keys], pa.list_(pa.float64())),
            ],
            names=["cluster", "name", "counts"],
        )

    columns = [F.col(name).cast("double") for name in names]
    rows = tracks.select(F.col("cluster").cast("int"), *columns).mapInArrow(
        count, "cluster int, name string, counts array<double>"
    )
    total: dict[Key, NDArray[np.float64]] = {}
    for row in rows.toLocalIterator():
        key = (row.cluster, row.name)
        total[key] = total.get(key, 0.0) + np.array(row.counts)
    return {key: _quartiles(counts, *ranges[key]) for key, counts in total.items()}


def _bins(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.int64]:
    width = high - low
    if width <= 0:
        return np.zeros(len(values), dtype=np.int64)
    return np.minimum((values - low) / width * N_BINS, N_BINS - 1).astype(np.int64)


def _quartiles(counts: NDArray[np.float64], low: float, high: float) -> list[float]:
    """Return the values at a quarter, a half and three quarters of the ranks, evenly spread within a bin."""
    total = counts.cumsum()
    found = []
    for share in (0.25, 0.5, 0.75):
        rank = share * (total[-1] - 1) + 0.5
        place = int(np.searchsorted(total, rank, "left"))
        inside = (rank - (total[place] - counts[place])) / counts[place]
        found.append(float(low + (place + inside) / N_BINS * (high - low)))
    return found
