"""Measure how often a recommended track is in the same playlist (or genre) as the track it is recommended for.

    python benchmarks/playlists.py spotify_songs.csv [--queries 8000]
    python benchmarks/playlists.py tracks_114k.csv --group track_genre
    python benchmarks/playlists.py spotify_songs.csv --learned

The file has one row for each pair of track and playlist, or of track and genre. The measure is the fraction ``share``
of recommended tracks; ``chance`` is its value for random tracks. Features without a column in the file are left out.

Prints JSON lines for each value of the setting ``recommend.likeness`` (features and weights), and for the six features
by which tracks are clustered by default (``six``). Each is measured with and without the rules on artists and releases.

With ``--learned``, weights are measured by five-fold cross-validation over playlists. They are learned like in
``learn_similarity.py``. Queries are the tracks of the playlists held out, candidates are all tracks, and the rules
apply. Also measured are:

* ``era``, ``nine``, and ``era`` with popularity (of weight 1);
* weights learned without popularity;
* coordinates transformed so that their covariance within playlists is the identity.
"""

import argparse
import json
import time
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.sparse import csr_array, csr_matrix

from segue.settings.likeness import PRESETS, Likeness
from segue.settings.loading import load
from segue.settings.values import SIMILARITY_NAMES
from segue.similarity.kd_tree import CandidateTree, build_tree
from segue.similarity.learning import PlaylistSample, count_hits, estimate, folds, learn_weights
from segue.similarity.releases import UNITS, group_by_title
from segue.similarity.rules import Rules, Tracks
from segue.similarity.scaling import AGE, LOG, STANDARD, Scaling, Transform, column_quantiles
from segue.similarity.title_keys import artist_key, title_key

COLUMNS = {
    "tempo": "bpm", "track_artist": "artist", "artists": "artist", "track_name": "title",
    "track_popularity": "popularity",
}  # fmt: skip


def main() -> None:
    """Run the benchmark: measure the presets of ``recommend.likeness`` or, with ``--learned``, learned weights."""
    parser = argparse.ArgumentParser(description="Measure the lists by the playlists or genres that tracks are in.")
    parser.add_argument("file", metavar="FILE.csv", help="columns as in the published spotify_songs.csv")
    parser.add_argument("--group", default="playlist_id", help="column that related tracks share")
    parser.add_argument("--learned", action="store_true", help="learn weights, and measure them on playlists held out")
    parser.add_argument("--queries", type=int, default=0, help="number of tracks to recommend for; 0: all")
    options = parser.parse_args()
    rows = pd.read_csv(options.file).rename(columns=COLUMNS)
    rows = rows[rows.title.notna() & (rows.bpm > 0)]
    if "track_album_release_date" in rows:
        rows["year"] = rows.track_album_release_date.str[:4].astype(float)
    rows["duration_s"] = rows.duration_ms / 1000
    tracks = rows.drop_duplicates("track_id").sort_values("track_id").reset_index(drop=True)
    groups = membership(rows, tracks.track_id, options.group)
    shared = np.asarray(groups.sum(axis=0)).ravel()
    chance = float((shared * (shared - 1)).sum() / (len(tracks) * (len(tracks) - 1)))
    artists, recordings = artists_and_recordings(tracks)
    if options.learned:
        measure_learned(tracks, groups, artists, recordings)
        return
    index = np.arange(len(tracks))
    queries = np.random.default_rng(0).permutation(len(tracks))[: options.queries or None]
    for name, likeness in {"six": Likeness(load().features.columns), **PRESETS}.items():
        present = replace(likeness, features=tuple(each for each in likeness.features if each in tracks))
        points = coordinates(tracks, present)
        order = build_tree(points).indices
        order = order[np.isin(order, queries)]
        for rules, releases, has_rules in ((Rules(per_artist=0), index, False), (Rules(), recordings, True)):
            candidates = Tracks(
                points, index, artists, releases, np.full(len(tracks), np.nan), np.full(len(tracks), -1)
            )
            lists = CandidateTree(candidates, rules).nearest(candidates.take(order)).index
            common = groups[np.repeat(order, 10)].multiply(groups[lists.ravel()]).sum(axis=1)
            share = float((np.asarray(common) > 0).mean())
            result = {"likeness": name, "features": len(present.features), "rules": has_rules, "share": round(share, 5)}
            result |= {"queries": len(order), "chance": round(chance, 5)}
            print_line({"group": options.group, **result})


def measure_learned(tracks: pd.DataFrame, groups: csr_matrix, artists: np.ndarray, recordings: np.ndarray) -> None:
    """Measure learned and other weights by five-fold cross-validation; print a line for each fold, then the totals.

    Parameters
    ----------
    tracks : one row per track
    groups : 1 if a track (row) is in a playlist (column), else 0
    artists, recordings : code of each track's artist, and of its recording
    """
    era, nine = PRESETS["era"], PRESETS["nine"]
    names = tuple(name for name in SIMILARITY_NAMES if name in tracks)
    points = coordinates(tracks, Likeness(names, era.log))
    sample = PlaylistSample(points, coordinates(tracks, era), artists, recordings, csr_array(groups))
    start = np.array([era.weights.get(name, 1.0) for name in names])
    is_music = np.array([name != "popularity" for name in names])
    fixed = {"era": sample.baseline, "nine": coordinates(tracks, nine), "era and popularity": points * start}
    hits, n_positions = {}, np.zeros(groups.shape[1])
    for number, (others, held_out) in enumerate(folds(groups.shape[1]), 1):
        began = time.monotonic()
        weights = learn_weights(sample, start, others)
        seconds = time.monotonic() - began
        music = learn_weights(replace(sample, points=points[:, is_music]), start[is_music], others)
        measured = {"learned": points * weights, "learned without popularity": points[:, is_music] * music, **fixed}
        measured["covariance"] = whitened(points, sample.membership[:, others])
        shares = {}
        for name, each in measured.items():
            counts, n_positions[held_out] = count_hits(sample, each, held_out, Rules(), len(tracks))
            hits.setdefault(name, np.zeros(groups.shape[1]))[held_out] = counts
            shares[name] = round(counts.sum() / n_positions[held_out].sum(), 5)
        by_name = dict(zip(names, weights.tolist(), strict=True))
        print_line({"split": number, **shares, "weights": by_name, "seconds": round(seconds, 1)})
    for name in hits:
        for other in ("era", "nine"):
            result = estimate(np.stack([hits[other], hits[name]], axis=1), n_positions)
            ratio = round(result.after.value / result.before.value, 3)
            line = {"likeness": name, "share": asdict(result.after), "over": other, "ratio": ratio}
            print_line(line | {"gain": asdict(result.gain)})


def whitened(points: np.ndarray, membership: csr_array) -> np.ndarray:
    """Transform points linearly so that their covariance within playlists is the identity.

    Parameters
    ----------
    points : shape (n_tracks, n_features)
    membership : 1 if a track (row) is in a playlist (column), else 0
    """
    track, playlist = membership.nonzero()
    sizes = np.bincount(playlist, minlength=membership.shape[1])
    means = (membership.T @ points) / np.maximum(sizes, 1)[:, None]
    covariance = np.cov(points[track] - means[playlist], rowvar=False)
    return points @ np.linalg.cholesky(np.linalg.inv(covariance))


def print_line(result: dict) -> None:
    """Print a result as a JSON line."""
    print(json.dumps({"benchmark": "playlists", **result}), flush=True)


def artists_and_recordings(tracks: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return a code of each track's artist, and a code of its recording; releases of a recording have the same code."""
    titles = [title_key(str(text)) for text in tracks.title]
    artists = [artist_key(str(text)) for text in tracks.artist]
    codes = {"title": pd.factorize(np.array(titles))[0], "artist": pd.factorize(np.array(artists))[0]}
    columns = codes | {"id": np.arange(len(tracks)), "track_id": tracks.track_id}
    return group_by_title(pa.table(columns | {name: tracks[name].astype(float) for name in UNITS}), tuple(UNITS))


def membership(rows: pd.DataFrame, track_ids: pd.Series, group: str) -> csr_matrix:
    """Return a sparse matrix of shape (n_tracks, n_groups): 1 if the track is in the playlist or genre, else 0.

    ``group`` is the column of ``rows`` with the playlist or genre.
    """
    track = pd.Index(track_ids).get_indexer(rows.track_id)
    codes, groups = pd.factorize(rows[group])
    matrix = csr_matrix((np.ones(len(rows), dtype=np.int32), (track, codes)), shape=(len(track_ids), len(groups)))
    matrix.data[:] = 1
    return matrix


def coordinates(tracks: pd.DataFrame, likeness: Likeness) -> np.ndarray:
    """Return the tracks' points, scaled by ``recommend.scaling = "standard"``, shape (n_tracks, n_features)."""
    names = list(likeness.features)
    values = tracks[names].to_numpy(float)
    fill = np.nanmedian(values, axis=0)
    values = np.where(np.isnan(values), fill, values)
    transforms = tuple(
        Transform(LOG, likeness.log[name]) if name in likeness.log
        else Transform(AGE, column.max()) if name == "year"
        else Transform()
        for name, column in zip(names, values.T, strict=True)
    )  # fmt: skip
    columns = [transform.apply(column) for transform, column in zip(transforms, values.T, strict=True)]
    centre, width = np.mean(columns, axis=1), np.std(columns, axis=1)
    weights = np.array([likeness.weights.get(name, 1.0) for name in names])
    quantiles = column_quantiles(values, fill)
    return Scaling(likeness.features, STANDARD, fill, centre, width, quantiles, transforms, weights).points(values)


if __name__ == "__main__":
    main()
