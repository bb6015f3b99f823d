"""Fit weights of features to playlists: sample the tracks of a catalogue, learn from these, and measure the gain."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_array

from segue.similarity import arrays
from segue.similarity.coordinates import prepare_tracks, release_columns, value_names
from segue.similarity.learning import (
    MIN_TRACKS,
    HeldOut,
    PlaylistSample,
    hold_out,
    learn_weights,
    require_playlists,
)
from segue.similarity.releases import add_recordings
from segue.similarity.rules import Floats
from segue.similarity.scaling import Scaling, SimilarityOptions, fit_scaling, hash_sample

MAX_LISTED, MAX_OTHERS = 30_000, 30_000
"""Maximum number of tracks in playlists, and about the maximum of other tracks, that are sampled."""


@dataclass(frozen=True, slots=True)
class LearnedWeights:
    """Weights that were learned from playlists, and what they reach on playlists that were held out.

    Attributes
    ----------
    weights : dict from feature to weight, above 0; features that are not in it are left out
    log : dict from feature to the number that is added before its logarithm is taken
    scaling : ``minmax``, ``standard`` or ``quantile``: what the weights apply to
    held_out : shares of recommendations in a playlist with their track: with the settings, with learned weights, gain
    n_playlists : playlists that it was learned from
    n_tracks : tracks of the catalogue in these
    n_sampled : tracks that it was learned from, in playlists or not
    """

    weights: Mapping[str, float]
    log: Mapping[str, float]
    scaling: str
    held_out: HeldOut
    n_playlists: int
    n_tracks: int
    n_sampled: int

    @property
    def is_better(self) -> bool:
        """Whether the interval of the gain lies above 0."""
        return self.held_out.gain.low > 0

    @property
    def settings(self) -> dict[str, dict[str, object]]:
        """Settings under which tracks are compared by these weights, for ``segue.similar_tracks``."""
        likeness = {"features": list(self.weights), "log": dict(self.log), "weights": dict(self.weights)}
        return {"recommend": {**likeness, "scaling": self.scaling}}


def fit_weights(
    tracks: DataFrame,
    playlists: Mapping[str, Sequence[str]],
    options: SimilarityOptions,
    candidates: SimilarityOptions,
    imputed: Mapping[str, float] | None = None,
) -> LearnedWeights:
    """Learn the weights of features under which tracks of one playlist are near. Runs about ten Spark jobs.

    The search itself runs on the driver, on a sample of at most about 60,000 tracks. The result depends neither on the
    partitions nor on the order of rows.

    Parameters
    ----------
    tracks : DataFrame with the columns of ``labeled_tracks``
    playlists : dict from playlist to ids of ``tracks``; what playlists are called changes nothing
    options : SimilarityOptions
        What the learned weights are compared with; the limits of its rules apply to the lists that are measured.
    candidates : SimilarityOptions
        ``features`` and ``log`` are what weights are learned for, ``weights`` those that the search starts from. The
        features contain those of ``options``.
    imputed : as for ``fit_scaling``

    Raises
    ------
    InputError
        If fewer than ``learning.MIN_PLAYLISTS`` playlists have two tracks.
    """
    members = sorted(sorted(set(ids)) for ids in playlists.values())
    require_playlists([len(ids) for ids in members])
    chosen = choose_playlists([ids for ids in members if len(ids) >= MIN_TRACKS])
    listed = {track_id for ids in chosen for track_id in ids}
    baseline = fit_scaling(tracks, options, imputed)
    scaling = fit_scaling(tracks, replace(candidates, weights={}), imputed)
    everyone = {track_id for ids in playlists.values() for track_id in ids}
    sample = _playlist_sample(sample_tracks(tracks, listed, everyone), chosen, scaling, baseline)
    start = np.array([candidates.weights.get(name, 1.0) for name in scaling.features])
    held_out = hold_out(sample, start, replace(options.rules, years_apart=None, harmonic=False))
    learned = dict(zip(scaling.features, learn_weights(sample, start).tolist(), strict=True))
    weights = {name: weight for name, weight in learned.items() if weight > 0}
    log = {name: offset for name, offset in candidates.log.items() if name in weights}
    return LearnedWeights(weights, log, options.scaling, held_out, len(chosen), len(listed), sample.membership.shape[0])


def choose_playlists(members: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return as many of the playlists as have up to ``MAX_LISTED`` tracks, in a random order; always the same.

    ``members`` has the ids of each playlist. A playlist is chosen as a whole, or left out.
    """
    chosen, listed = [], set[str]()
    for index in np.random.default_rng(0).permutation(len(members)):
        new = set(members[index]) - listed
        if len(listed) + len(new) <= MAX_LISTED:
            chosen.append(members[index])
            listed |= new
    require_playlists([len(ids) for ids in chosen])
    return chosen


def sample_tracks(tracks: DataFrame, listed: Collection[str], excluded: Collection[str]) -> DataFrame:
    """Return a DataFrame of the listed tracks and about ``MAX_OTHERS`` of those not excluded. Runs one Spark job.

    ``listed`` and ``excluded`` are distinct ids; the listed ones are among the excluded.
    """
    ordered = sorted(excluded)
    table = pa.table({"track_id": ordered, "is_listed": [one in listed for one in ordered]})
    ids = F.broadcast(tracks.sparkSession.createDataFrame(table))
    others = tracks.join(ids, "track_id", "left_anti")
    own = tracks.join(ids.where("is_listed"), "track_id", "left_semi")
    return own.unionByName(hash_sample(others, others.count(), MAX_OTHERS))


def _playlist_sample(
    tracks: DataFrame, members: Sequence[Sequence[str]], scaling: Scaling, baseline: Scaling
) -> PlaylistSample:
    """Collect tracks to the driver as a PlaylistSample; ``members`` has the ids of each playlist. Runs Spark jobs.

    The features of ``baseline`` are among those of ``scaling``.
    """
    prepared = prepare_tracks(tracks, scaling, SimilarityOptions(scaling.features))
    table = add_recordings(prepared.toArrow(), release_columns(tracks, scaling)).sort_by("track_id")
    values = dict(zip(scaling.features, value_names(scaling), strict=True))

    def points(one: Scaling) -> Floats:
        columns = arrays.column_matrix([table.column(values[name]) for name in one.features])
        return one.points(one.fill_missing(columns))

    ids = table.column("track_id").to_pylist()
    position = {track_id: index for index, track_id in enumerate(ids)}
    pairs = [(position[one], column) for column, own in enumerate(members) for one in own if one in position]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    membership = csr_array((np.ones(len(rows), np.int32), (rows, columns)), shape=(len(ids), len(members)))
    artist, recording = (table.column(name).to_numpy() for name in ("artist", "recording"))
    return PlaylistSample(points(scaling), points(baseline), artist, recording, membership)
