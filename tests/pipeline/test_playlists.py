"""Recommendations for a list of tracks: equal to the definition, and stored as a table."""

import itertools
import json
import math
import zipfile

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable
from tests.pipeline.labeled import labeled_tracks, stored
from tests.similarity import oracle
from tests.similarity.tracks import NINE, as_dicts, as_frame, coarse_tracks

from segue.pipeline import recommend
from segue.similarity import playlists
from segue.similarity.rules import Rules
from segue.similarity.scaling import SimilarityOptions, fit_scaling


@pytest.fixture(scope="module")
def coarse():
    return coarse_tracks()


@pytest.fixture(scope="module")
def labeled(spark):
    return labeled_tracks(spark)


@pytest.mark.parametrize(
    ("options", "limits", "per_artist"),
    [
        ({}, {}, 2),
        ({"rules": Rules(per_artist=0), "same_genre": True}, {"same_genre": True}, 0),
        ({"rules": Rules(per_artist=1, years_apart=3)}, {"years_apart": 3}, 1),
        ({"rules": Rules(harmonic=True)}, {"harmonic": True}, 2),
    ],
)
def test_recommendations_equal_the_definition(options, limits, per_artist, spark, coarse):
    tracks = as_frame(spark, coarse).repartition(3)
    similarity = SimilarityOptions(NINE, "standard", **options)
    scaling = fit_scaling(tracks, similarity)
    rows = as_dicts(coarse, scaling.points(coarse[list(NINE)].to_numpy()))
    seeds = [row for row in rows if row["genre"]][:7]
    descending = sorted(seeds, key=lambda row: row["track_id"], reverse=True)
    seeds = list({row["recording"]: row for row in descending}.values())
    others = [row for row in rows if row["recording"] not in {seed["recording"] for seed in seeds}]
    shares, nearest = {}, {}
    for seed in seeds:
        for rank, (name, gap) in enumerate(oracle.similar(seed, others, length=100, per_artist=0, **limits), 1):
            shares.setdefault(name, []).append(1 / (60 + rank))
            nearest[name] = min(nearest.get(name, math.inf), gap)
    by_id = {row["track_id"]: row for row in others}
    expected = []
    for name in sorted(shares, key=lambda n: (-math.fsum(shares[n]), nearest[n], n)):
        row, previous = by_id[name], [by_id[other] for other in expected]
        is_repeated = any(other["recording"] == row["recording"] for other in previous)
        is_full = per_artist and sum(other["artist"] == row["artist"] for other in previous) >= per_artist
        if not is_repeated and not is_full and len(expected) < 25:
            expected.append(name)
    seed_ids = [seed["track_id"] for seed in seeds]
    result = playlists.fit_playlist(tracks, scaling, similarity, seed_ids, 25, tracks_per_search=150)
    assert [row.track_id for row in result] == expected
    assert [row.score for row in result] == [math.fsum(shares[name]) for name in expected]
    assert [row.distance for row in result] == [nearest[name] for name in expected]
    assert all(row.because_of[0][1] == row.distance for row in result)


def playlist_rows(root):
    return DeltaTable(str(root / "playlist_recommendations")).to_pandas().sort_values(["playlist", "rank"])


def test_each_file_replaces_only_its_own_rows(spark, run_job, labeled, tmp_path, caplog):
    root = stored(spark, tmp_path / "out", labeled)
    tracks = labeled.toPandas().sort_values("track_id")
    title = tracks.title[20]
    (tmp_path / "mine.txt").write_text("\n".join([*tracks.track_id[:5], "9 8 7 6", f"{title}q"]), "utf-8")
    names = tracks[["title", "artist"]].iloc[10:13].to_csv(index=False)
    with zipfile.ZipFile(tmp_path / "yours.zip", "w") as archive:
        archive.writestr("yours.csv", names.encode("utf-16"))
    for file in ("mine.txt", "yours.zip"):
        assert run_job(recommend.JOB, "--output", root, "--seeds", tmp_path / file) == 0
    assert f"2 of 7 seeds are not in the catalogue: 9 8 7 6, {title}q (closest: {title} - " in caplog.text
    rows, version = playlist_rows(root), DeltaTable(str(root / "playlist_recommendations")).version()
    assert rows.groupby("playlist")["rank"].agg(list).to_dict() == {
        name: list(range(1, 31)) for name in ("mine", "yours")
    }
    assert not set(rows[rows.playlist == "mine"].track_id) & set(tracks.track_id[:5])
    named = rows.merge(tracks, on="track_id")
    assert (named.title_x == named.title_y).all() and (named.artist_x == named.artist_y).all()
    assert run_job(recommend.JOB, "--output", root, "--seeds", tmp_path / "mine.txt") == 0
    assert DeltaTable(str(root / "playlist_recommendations")).version() == version
    shorter = ("--set", "recommend.playlist_length=3")
    assert run_job(recommend.JOB, "--output", root, "--seeds", tmp_path / "mine.txt", *shorter) == 0
    after = playlist_rows(root)
    assert after.playlist.value_counts().to_dict() == {"yours": 30, "mine": 3}
    pd.testing.assert_frame_equal(
        after[after.playlist == "yours"].reset_index(drop=True), rows[rows.playlist == "yours"].reset_index(drop=True)
    )
    runs = DeltaTable(str(root / "runs")).to_pandas().sort_values("started_at")
    counts = json.loads(runs.counts.iloc[-1])["recommend"]
    assert (counts["seeds"], counts["unknown"], counts["recommended"]) == (5, 2, 3)
    assert np.isfinite(rows.score).all()


def test_order_segue_changes_nothing_but_the_ranks(spark, run_job, labeled, tmp_path):
    root = stored(spark, tmp_path / "out", labeled)
    tracks = labeled.toPandas().set_index("track_id")
    (tmp_path / "mine.txt").write_text("\n".join(tracks.index[:5]), "utf-8")
    rows = {}
    for order in ("score", "segue"):
        options = ("--set", "recommend.playlist_length=7", "--set", f"recommend.order={order}")
        assert run_job(recommend.JOB, "--output", root, "--seeds", tmp_path / "mine.txt", *options) == 0
        rows[order] = playlist_rows(root).set_index("track_id")
    best_first, smooth = rows["score"], rows["segue"]
    assert best_first.score.is_monotonic_decreasing
    pd.testing.assert_frame_equal(smooth.loc[best_first.index].drop(columns="rank"), best_first.drop(columns="rank"))

    def cost(path):
        total = 0.0
        for first, second in itertools.pairwise(path):
            octaves = abs(math.log2(tracks.bpm[first] / tracks.bpm[second])) % 1
            total += 12 * min(octaves, 1 - octaves) + 10 * abs(tracks.energy[first] - tracks.energy[second])
        return total

    first, *others = best_first.index
    cheapest = min(cost([first, *rest]) for rest in itertools.permutations(others))
    assert smooth["rank"].tolist() == list(range(1, 8))
    assert smooth.index[0] == first
    assert cost(smooth.index) == pytest.approx(cheapest, abs=1e-6)
    assert cheapest < cost(best_first.index)


@pytest.fixture(scope="module")
def root(spark, labeled, tmp_path_factory):
    """Return a folder with labeled tracks and no other table."""
    return stored(spark, tmp_path_factory.mktemp("labeled") / "out", labeled)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not a file"),
        ("# nothing\n", "names no track"),
        ("9 8 7 6\n", "none of 1 tracks in --seeds"),
        ("PK\3\4", "is damaged or breaks off"),
    ],
)
def test_file_without_usable_seeds_is_refused(content, message, root, run_job, tmp_path, capsys):
    if content is not None:
        (tmp_path / "mine.txt").write_text(content, "utf-8")
    assert run_job(recommend.JOB, "--output", root, "--seeds", tmp_path / "mine.txt") == 3
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert message in line
    assert not (root / "playlist_recommendations").exists()
