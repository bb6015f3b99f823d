"""How good the lists are: the share of recommended tracks that stand in a playlist together with the track itself.

    python benchmarks/playlists.py spotify_songs.csv

The file says in which playlists its tracks stand, a row for each (track_id, playlist_id). One JSON line for each
scaling, with the six features that clusters are made from and with the nine, with and without the rules on artists and
releases. ``chance`` is what tracks drawn at random would reach.
"""

import argparse
import json

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from segue.settings.loading import load
from segue.similarity.coordinates import MINMAX, QUANTILE, STANDARD, Scaling, column_quantiles
from segue.similarity.kd_tree import CandidateTree, build_tree
from segue.similarity.recordings import artist_key, title_key
from segue.similarity.rules import Rules, Tracks

SIX, NINE = load().features.columns, load().recommend.features


def main() -> None:
    """Print the share for every space and rule."""
    parser = argparse.ArgumentParser(description="Measure the lists by the playlists that tracks stand in.")
    parser.add_argument("file", metavar="FILE.csv", help="columns as in the published spotify_songs.csv")
    rows = pd.read_csv(parser.parse_args().file)
    tracks = rows.drop_duplicates("track_id").sort_values("track_id").reset_index(drop=True)
    tracks = tracks.rename(columns={"tempo": "bpm"}).assign(duration_s=tracks.duration_ms / 1000)
    together = _together(rows, tracks.track_id)
    artists = [artist_key(str(name)) for name in tracks.track_artist]
    names = [f"{who}\n{title_key(str(title))}" for who, title in zip(artists, tracks.track_name, strict=True)]
    artist, recording = (np.unique(keys, return_inverse=True)[1] for keys in (artists, names))
    each = np.arange(len(tracks))
    chance = (together.nnz - len(tracks)) / (len(tracks) * (len(tracks) - 1))
    for kind in (MINMAX, STANDARD, QUANTILE):
        for features in (SIX, NINE):
            points = _points(tracks[list(features)].to_numpy(float), kind, features)
            for rules, what in ((Rules(per_artist=0), each), (Rules(), recording)):
                known = Tracks(points, each, artist, what, np.full(len(tracks), np.nan))
                order = build_tree(points).indices
                lists = CandidateTree(known, rules).nearest(known.take(order)).index
                share = np.asarray(together[np.repeat(order, 10), lists.ravel()]).mean()
                figures = {"scaling": kind, "features": len(features), "rules": what is recording}
                figures |= {"share": round(float(share), 5), "chance": round(chance, 5)}
                print(json.dumps({"benchmark": "playlists", "tracks": len(tracks), **figures}), flush=True)


def _together(rows: pd.DataFrame, ids: pd.Series) -> csr_matrix:
    """Return which tracks stand in a playlist together, themselves included, shape (n_tracks, n_tracks)."""
    track = pd.Index(ids).get_indexer(rows.track_id)
    playlist = pd.factorize(rows.playlist_id)[0]
    stands = csr_matrix((np.ones(len(rows), dtype=np.int32), (track, playlist)))
    stands.data[:] = 1
    return (stands @ stands.T) > 0


def _points(values: np.ndarray, kind: str, features: tuple[str, ...]) -> np.ndarray:
    zero = np.zeros(len(features))
    low, high = values.min(axis=0), values.max(axis=0)
    centre, width = (low, high - low) if kind == MINMAX else (values.mean(axis=0), values.std(axis=0))
    return Scaling(features, kind, zero, centre, width, column_quantiles(values, zero)).points(values)


if __name__ == "__main__":
    main()
