"""Fit weights of features to playlists: sample the tracks of a catalogue, learn weights, and measure the gain."""

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
"""Maximum number of tracks in the sample: tracks in playlists, and (approximately) tracks in none."""


@dataclass(frozen=True, slots=True)
class LearnedWeights:
    """Weights of features learned from playlists, and their quality on other playlists.

    Attributes
    ----------
    weights : dict from feature to weight, above 0; features without a weight are not used
    log : dict from feature to number: {"duration_s": 1.0} means that ln(duration_s + 1) replaces duration_s
    scaling : ``minmax``, ``standard`` or ``quantile``: the scaling of the features before they are weighted
    held_out : quality of recommendations by the baseline (``options`` of ``fit_weights``) and by learned weights
    n_playlists : number of playlists used
    n_tracks : number of tracks of the catalogue in these playlists
    n_sampled : number of tracks in the sample, in and outside of playlists
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
        """Whether the confidence interval of the gain in quality lies above 0."""
        return self.held_out.gain.low > 0

    @property
    def settings(self) -> dict[str, dict[str, object]]:
        """The weights as settings: ``{"recommend": {"features": …, "log": …, "weights": …, "scaling": …}}``."""
        likeness = {"features": list(self.weights), "log": dict(self.log), "weights": dict(self.weights)}
        return {"recommend": {**likeness, "scaling": self.scaling}}


def fit_weights(
    tracks: DataFrame,
    playlists: Mapping[str, Sequence[str]],
    options: SimilarityOptions,
    candidates: SimilarityOptions,
    imputed: Mapping[str, float] | None = None,
) -> LearnedWeights:
    """Learn weights of features from playlists: tracks of one playlist become near. Runs about ten Spark jobs.

    The weights are learned on the driver, from a sample of at most about 60,000 tracks. The result depends neither on
    the partitions nor on the order of rows.

    Parameters
    ----------
    tracks : DataFrame with the columns of ``labeled_tracks``
    playlists : dict from name of a playlist to ids of ``tracks``; the names do not affect the result
    options : SimilarityOptions
        The baseline to compare learned weights with. In the comparison, ``rules.length`` and ``rules.per_artist`` limit
        all lists of recommendations, and a list has at most one track per recording; all other limits are ignored.
    candidates : SimilarityOptions
        Weights are learned for its ``features``, with its ``log``, starting from its ``weights``. Its features must
        include the features of ``options``, and its ``scaling`` must be that of ``options``.
    imputed : mapping of str to float, optional
        Replacements of missing values, by feature and in its unit; by default the medians.

    Raises
    ------
    InputError
        If fewer than ``learning.MIN_PLAYLISTS`` playlists have two or more tracks and fit into the sample, or no
        feature has a value.
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
    """Choose random playlists with at most ``MAX_LISTED`` distinct tracks in all. Deterministic: the seed is fixed.

    ``members`` and the result have one list of track ids per playlist. The playlists are taken in a random order; a
    playlist is skipped if the total would exceed the limit. Raises InputError if fewer than ``learning.MIN_PLAYLISTS``
    are chosen.
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
    """Return the tracks in ``listed``, and a sample of the tracks not in ``excluded``. Runs one Spark job.

    ``listed`` and ``excluded`` are distinct track ids; ``excluded`` contains all of ``listed``. The sample has at most
    about ``MAX_OTHERS`` tracks.
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
    """Collect tracks to the driver as a PlaylistSample. Runs Spark jobs.

    ``members`` has the track ids of each playlist. ``scaling`` gives the coordinates to learn weights for, ``baseline``
    those to compare with. The features of ``baseline`` are a part of the features of ``scaling``.
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
