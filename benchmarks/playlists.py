"""Measure the share of recommended tracks that share a playlist with the track they are recommended for.

    python benchmarks/playlists.py spotify_songs.csv

The file has one row for each (track_id, playlist_id). Prints one JSON line for each combination of scaling, features
(the six of the clusters or the nine of the lists) and rules on artists and releases (with or without). ``chance`` is
the share that random tracks reach.
"""

import argparse
import json

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.sparse import csr_matrix

from segue.settings.loading import load
from segue.similarity.scaling import MINMAX, QUANTILE, STANDARD, Scaling, column_quantiles
from segue.similarity.kd_tree import CandidateTree, build_tree
from segue.similarity.recordings import artist_key, title_key
from segue.similarity.releases import UNITS, group_by_title
from segue.similarity.rules import Rules, Tracks

SIX, NINE = load().features.columns, load().recommend.features


def main() -> None:
    """Print the share for every scaling, set of features and set of rules."""
    parser = argparse.ArgumentParser(description="Measure the lists by the playlists that tracks are in.")
    parser.add_argument("file", metavar="FILE.csv", help="columns as in the published spotify_songs.csv")
    rows = pd.read_csv(parser.parse_args().file)
    tracks = rows.drop_duplicates("track_id").sort_values("track_id").reset_index(drop=True)
    tracks = tracks.rename(columns={"tempo": "bpm"}).assign(duration_s=tracks.duration_ms / 1000)
    share_playlist = playlist_matrix(rows, tracks.track_id)
    artists, recordings = artists_and_recordings(tracks)
    index = np.arange(len(tracks))
    chance = (share_playlist.nnz - len(tracks)) / (len(tracks) * (len(tracks) - 1))
    for kind in (MINMAX, STANDARD, QUANTILE):
        for features in (SIX, NINE):
            points = scaled_points(tracks[list(features)].to_numpy(float), kind, features)
            for rules, groups, has_rules in ((Rules(per_artist=0), index, False), (Rules(), recordings, True)):
                candidates = Tracks(points, index, artists, groups, np.full(len(tracks), np.nan))
                order = build_tree(points).indices
                lists = CandidateTree(candidates, rules).nearest(candidates.take(order)).index
                share = np.asarray(share_playlist[np.repeat(order, 10), lists.ravel()]).mean()
                result = {"scaling": kind, "features": len(features), "rules": has_rules}
                result |= {"share": round(float(share), 5), "chance": round(chance, 5)}
                print(json.dumps({"benchmark": "playlists", "tracks": len(tracks), **result}), flush=True)


def artists_and_recordings(tracks: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return codes of the artist and of the recording of each track, as the rules group them."""
    titles, artists = ([key(str(text)) for text in texts] for key, texts in (
        (title_key, tracks.track_name), (artist_key, tracks.track_artist),
    ))  # fmt: skip
    codes = {"title": pd.factorize(np.array(titles))[0], "artist": pd.factorize(np.array(artists))[0]}
    columns = codes | {"id": np.arange(len(tracks)), "track_id": tracks.track_id}
    return group_by_title(pa.table(columns | {name: tracks[name].astype(float) for name in UNITS}), tuple(UNITS))


def playlist_matrix(rows: pd.DataFrame, track_ids: pd.Series) -> csr_matrix:
    """Return which pairs of tracks share a playlist, boolean, shape (n_tracks, n_tracks), with a true diagonal."""
    track = pd.Index(track_ids).get_indexer(rows.track_id)
    playlist = pd.factorize(rows.playlist_id)[0]
    membership = csr_matrix((np.ones(len(rows), dtype=np.int32), (track, playlist)))
    membership.data[:] = 1
    return (membership @ membership.T) > 0


def scaled_points(values: np.ndarray, kind: str, features: tuple[str, ...]) -> np.ndarray:
    """Scale features as ``recommend.scaling`` does, shape (n_tracks, n_features)."""
    zero = np.zeros(len(features))
    low, high = values.min(axis=0), values.max(axis=0)
    centre, width = (low, high - low) if kind == MINMAX else (values.mean(axis=0), values.std(axis=0))
    return Scaling(features, kind, zero, centre, width, column_quantiles(values, zero)).points(values)


if __name__ == "__main__":
    main()
