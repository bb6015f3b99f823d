"""Measure the share of recommended tracks that share a playlist, or a genre, with the track they are recommended for.

    python benchmarks/playlists.py spotify_songs.csv [--queries 8000]
    python benchmarks/playlists.py tracks_114k.csv --group track_genre

The file has one row for each pair of track and playlist, or of track and genre. Prints one JSON line for each
``recommend.likeness``, and one for the six features of the clusters, with and without the rules on artists and
releases. ``chance`` is the share that random tracks reach. Features of which the file has no column are left out.
"""

import argparse
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.sparse import csr_matrix

from segue.settings.likeness import PRESETS, Likeness
from segue.settings.loading import load
from segue.similarity.kd_tree import CandidateTree, build_tree
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
            print(json.dumps({"benchmark": "playlists", "group": options.group, **result}), flush=True)


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
