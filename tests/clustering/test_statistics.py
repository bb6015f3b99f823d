"""Statistics from sums and bins, against numpy's."""

import numpy as np
import pytest

from segue.clustering import profiles
from segue.clustering.statistics import N_BINS, fit_statistics


def test_quartiles_are_as_exact_as_a_bin_is_wide(spark):
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.gamma(2.0, 30.0, 4000), [77.0] * 500, rng.random(1000)])
    own = np.concatenate([np.ones(4000), np.full(500, 2), np.full(1000, 3)]).astype(int)
    table = [(int(c), None if i % 7 == 0 else float(v)) for i, (c, v) in enumerate(zip(own, values, strict=True))]
    frame = spark.createDataFrame(table, "cluster int, bpm double").repartition(5)
    known = {c: np.array([v for k, v in table if k == c and v is not None]) for c in (1, 2, 3)}
    found = fit_statistics(frame, ["bpm"], 4)
    assert sorted(found) == [(1, "bpm"), (2, "bpm"), (3, "bpm")]
    assert (found[2, "bpm"].quartiles, found[2, "bpm"].sd) == ([77.0] * 3, 0.0)
    for cluster in (1, 3):
        part = known[cluster]
        width = (part.max() - part.min()) / N_BINS
        # numpy's value lies between two neighbours in rank, which may be a little apart
        ranks = np.sort(part)[[round(q * (len(part) - 1)) for q in (0.25, 0.5, 0.75)]]
        one = found[cluster, "bpm"]
        assert one.quartiles == pytest.approx(np.quantile(part, [0.25, 0.5, 0.75]), abs=8 * width)
        assert np.abs(one.quartiles - ranks).max() < 8 * width
        assert (one.n, one.mean, one.sd) == (len(part), pytest.approx(part.mean()), pytest.approx(part.std()))


def test_profiles_of_many_tracks_take_them(spark, monkeypatch):
    rows = [(1 + i % 2, f"t{i:03}", float(i), 0.1, 0.2, "x", "y", None) for i in range(200)]
    names = "cluster int, track_id string, bpm double, distance double, silhouette double"
    frame = spark.createDataFrame(rows, f"{names}, title string, artist string, genre string")
    others = [n for n in profiles.schema.FEATURE_NAMES if n != "bpm"]
    frame = frame.selectExpr("*", *(f"cast(null as double) AS {name}" for name in others))
    exact = profiles.fit_profiles(frame, len(rows))
    monkeypatch.setattr(profiles, "EXACT_UP_TO", 100)
    binned = profiles.fit_profiles(frame, len(rows))
    for one, other in zip(exact, binned, strict=True):
        for name in ("bpm_q1", "bpm_median", "bpm_q3"):
            assert other.pop(name) == pytest.approx(one.pop(name), abs=1.5)
        assert one == other
