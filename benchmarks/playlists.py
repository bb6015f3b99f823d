"""Measure the share of recommended tracks that share a playlist, or a genre, with the track they are recommended for.

    python benchmarks/playlists.py spotify_songs.csv [--queries 8000]
    python benchmarks/playlists.py tracks_114k.csv --group track_genre
    python benchmarks/playlists.py spotify_songs.csv --learned

The file has one row for each pair of track and playlist, or of track and genre. Prints one JSON line for each
``recommend.likeness``, and one for the six features of the clusters, with and without the rules on artists and
releases. ``chance`` is the share that random tracks reach. Features of which the file has no column are left out.

``--learned`` instead holds out a fifth of the playlists, learns weights from the others as ``learn_similarity.py``
does, and so for each fifth. Queries are tracks of playlists that are held out, the pool is all tracks, only playlists
that are held out count, and the rules apply. Beside learned weights it measures ``era``, ``nine``, ``era`` with
popularity (of weight 1), weights learned without popularity, and coordinates whose covariance within playlists is
the identity.
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
from segue.similarity.recordings import artist_key, title_key
from segue.similarity.releases import UNITS, group_by_title
from segue.similarity.rules import Rules, Tracks
from segue.similarity.scaling import AGE, LOG, STANDARD, Scaling, Transform, column_quantiles

COLUMNS = {
    "tempo": "bpm", "track_artist": "artist", "artists": "artist", "track_name": "title",
    "track_popularity": "popularity",
}  # fmt: skip


def main() -> None:
    """Print the share for every likeness and set of rules."""
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
    """Print the shares on playlists held out by learned weights and by others, for each fifth and for all."""
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
    """Return coordinates in which the covariance within playlists is the identity, of the shape of ``points``."""
    track, playlist = membership.nonzero()
    sizes = np.bincount(playlist, minlength=membership.shape[1])
    means = (membership.T @ points) / np.maximum(sizes, 1)[:, None]
    covariance = np.cov(points[track] - means[playlist], rowvar=False)
    return points @ np.linalg.cholesky(np.linalg.inv(covariance))


def print_line(result: dict) -> None:
    """Print a result as a JSON line."""
    print(json.dumps({"benchmark": "playlists", **result}), flush=True)


def artists_and_recordings(tracks: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return codes of the artist and of the recording of each track, as the rules group them."""
    titles = [title_key(str(text)) for text in tracks.title]
    artists = [artist_key(str(text)) for text in tracks.artist]
    codes = {"title": pd.factorize(np.array(titles))[0], "artist": pd.factorize(np.array(artists))[0]}
    columns = codes | {"id": np.arange(len(tracks)), "track_id": tracks.track_id}
    return group_by_title(pa.table(columns | {name: tracks[name].astype(float) for name in UNITS}), tuple(UNITS))


def membership(rows: pd.DataFrame, track_ids: pd.Series, group: str) -> csr_matrix:
    """Return which track is in which group, 0 or 1, shape (n_tracks, n_groups)."""
    track = pd.Index(track_ids).get_indexer(rows.track_id)
    codes, groups = pd.factorize(rows[group])
    matrix = csr_matrix((np.ones(len(rows), dtype=np.int32), (track, codes)), shape=(len(track_ids), len(groups)))
    matrix.data[:] = 1
    return matrix


def coordinates(tracks: pd.DataFrame, likeness: Likeness) -> np.ndarray:
    """Return the coordinates that ``recommend.scaling = "standard"`` gives, shape (n_tracks, n_features)."""
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
