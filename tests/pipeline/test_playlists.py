"""What goes with a list, against the definition, and as a table."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable
from tests.pipeline.labeled import labeled_tracks, stored
from tests.similarity import oracle
from tests.similarity.tracks import NINE, as_dicts, as_frame, coarse_tracks

from segue.pipeline import recommend
from segue.similarity import playlists
from segue.similarity.coordinates import SimilarityOptions, fit_scaling
from segue.similarity.rules import Rules


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
    ],
)
def test_recommendations_are_those_of_the_definition(options, limits, per_artist, spark, coarse, monkeypatch):
    monkeypatch.setattr(playlists, "_TRACKS_AT_ONCE", 150)
    tracks = as_frame(spark, coarse).repartition(3)
    wanted = SimilarityOptions(NINE, "standard", **options)
    scaling = fit_scaling(tracks, wanted)
    known = as_dicts(coarse, scaling.points(coarse[list(NINE)].to_numpy()))
    seeds = [track for track in known if track["genre"]][:7]
    seeds = list(
        {track["recording"]: track for track in sorted(seeds, key=lambda t: t["track_id"], reverse=True)}.values()
    )
    others = [track for track in known if track["recording"] not in {seed["recording"] for seed in seeds}]
    score, nearest = {}, {}
    for seed in seeds:
        for rank, (name, gap) in enumerate(oracle.similar(seed, others, length=100, per_artist=0, **limits), 1):
            score.setdefault(name, []).append(1 / (60 + rank))
            nearest[name] = min(nearest.get(name, math.inf), gap)
    by_id = {track["track_id"]: track for track in others}
    chosen = []
    for name in sorted(score, key=lambda n: (-math.fsum(score[n]), nearest[n], n)):
        track, taken = by_id[name], [by_id[one] for one in chosen]
        again = any(other["recording"] == track["recording"] for other in taken)
        full = per_artist and sum(other["artist"] == track["artist"] for other in taken) >= per_artist
        if not again and not full and len(chosen) < 25:
            chosen.append(name)
    found = playlists.fit_playlist(tracks, scaling, wanted, [seed["track_id"] for seed in seeds], 25)
    assert [one.track_id for one in found] == chosen
    assert [one.score for one in found] == [math.fsum(score[name]) for name in chosen]
    assert [one.distance for one in found] == [nearest[name] for name in chosen]
    assert all(one.because_of[0][1] == one.distance for one in found)


def table(root):
    return DeltaTable(str(root / "playlist_recommendations")).to_pandas().sort_values(["playlist", "rank"])


def test_lists_are_kept_by_name_and_a_rerun_changes_nothing(spark, run_job, labeled, tmp_path, caplog):
    root = stored(spark, tmp_path / "out", labeled)
    tracks = labeled.toPandas().sort_values("track_id")
    (tmp_path / "mine.txt").write_text("\n".join([*tracks.track_id[:5], "no such track"]), "utf-8")
    names = tracks[["title", "artist"]].iloc[10:13]
    names.to_csv(tmp_path / "yours.csv", index=False)
    for file in ("mine.txt", "yours.csv"):
        assert run_job(recommend.JOB, "--output", root, "--seeds", tmp_path / file) == 0
    assert "1 of 6 seeds are not in the catalogue: no such track" in caplog.text
    rows, version = table(root), DeltaTable(str(root / "playlist_recommendations")).version()
    assert rows.groupby("playlist")["rank"].agg(list).to_dict() == {
        name: list(range(1, 31)) for name in ("mine", "yours")
    }
    assert not set(rows[rows.playlist == "mine"].track_id) & set(tracks.track_id[:5])
    named = rows.merge(tracks, on="track_id")
    assert (named.title_x == named.title_y).all() and (named.artist_x == named.artist_y).all()
    assert run_job(recommend.JOB, "--output", root, "--seeds", tmp_path / "mine.txt") == 0
    assert DeltaTable(str(root / "playlist_recommendations")).version() == version
    assert (
        run_job(
            recommend.JOB, "--output", root, "--seeds", tmp_path / "mine.txt", "--set", "recommend.playlist_length=3"
        )
        == 0
    )
    after = table(root)
    assert after.playlist.value_counts().to_dict() == {"yours": 30, "mine": 3}
    pd.testing.assert_frame_equal(
        after[after.playlist == "yours"].reset_index(drop=True), rows[rows.playlist == "yours"].reset_index(drop=True)
    )
    runs = DeltaTable(str(root / "runs")).to_pandas().sort_values("started_at")
    counts = json.loads(runs.counts.iloc[-1])["recommend"]
    assert (counts["seeds"], counts["unknown"], counts["recommended"]) == (5, 1, 3)
    assert np.isfinite(rows.score).all()


@pytest.fixture(scope="module")
def root(spark, labeled, tmp_path_factory):
    """Labels, and nothing else."""
    return stored(spark, tmp_path_factory.mktemp("labeled") / "out", labeled)


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "is no file"), ("# nothing\n", "names no track"), ("nobody knows\n", "none of 1 tracks in --seeds")],
)
def test_a_list_that_cannot_be_used_is_refused(content, told, root, run_job, tmp_path, capsys):
    if content is not None:
        (tmp_path / "mine.txt").write_text(content, "utf-8")
    assert run_job(recommend.JOB, "--output", root, "--seeds", tmp_path / "mine.txt") == 3
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert told in line
    assert not (root / "playlist_recommendations").exists()
