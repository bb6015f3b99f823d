"""Which tracks a model has to label: all, or those that have changed since it labeled last."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue import schema
from segue.changes import ADDED, CHANGE, REMOVED, UPDATED, counted
from segue.job import Run
from segue.kept import LEVEL


@dataclass(frozen=True, slots=True)
class Due:
    """Tracks to be labeled, and what becomes of the labels that stand."""

    tracks: DataFrame
    whole: bool = False
    """Whether no other label stays."""
    are_new: bool = False
    """Whether none of the tracks has been labeled."""
    gone: DataFrame | None = None
    """Tracks whose labels go."""
    is_nothing: bool = False


def find_due(run: Run, model_version: str, *, everything: bool) -> Due:
    """Return what a model has to label; where Delta's change feed tells, at a cost in proportion to it."""
    tracks, stored = run.store.read(schema.TRACKS), run.store.find(schema.LABELED_TRACKS)
    if everything or stored is None:
        return Due(tracks, whole=True)
    told = run.store.made_from(schema.LABELED_TRACKS)
    # guard: only-changed-tracks-labeled
    if told and told == origin(run, model_version) | {"version": told["version"]}:
        changes = run.store.changes(schema.TRACKS, told["version"])
        if changes is not None:
            return _of(changes)
    if _is_outdated(stored, tracks, model_version):
        return Due(tracks, whole=True)
    return Due(_not_labeled(tracks, stored))


def origin(run: Run, model_version: str) -> dict[str, Any]:
    """Return what labels of this run are made from, to be told with them."""
    return {
        "model_version": model_version,
        # guard: changes-require-same-table -> "tracks": "tracks",
        "tracks": run.store.identity(schema.TRACKS),
        "version": run.store.seen[schema.TRACKS.name],
    }


def _of(changes: DataFrame) -> Due:
    changes = changes.persist(LEVEL)
    count = counted(changes)
    tracks = changes.where(F.col(CHANGE).isin(ADDED, UPDATED)).select(*schema.TRACKS.names)
    if count.rows == count.added:
        return Due(tracks, are_new=True, is_nothing=not count.rows)
    gone = changes.where(F.col(CHANGE) == REMOVED).select("track_id") if count.removed else None
    # guard: labels-of-removed-tracks-removed -> return Due(tracks)
    return Due(tracks, gone=gone)


def _is_outdated(stored: DataFrame, tracks: DataFrame, model_version: str) -> bool:
    """Tell whether labels are another model's, or of tracks that are gone."""
    if stored.where(F.col("model_version") != model_version).limit(1).count():
        return True
    return bool(stored.join(tracks.select("track_id"), "track_id", "left_anti").limit(1).count())


def _not_labeled(tracks: DataFrame, stored: DataFrame) -> DataFrame:
    """Return the tracks that are new, or not what they were when they were labeled."""
    as_labeled = stored.select("track_id", F.struct(*schema.TRACKS.names).alias("labeled"))
    unchanged = F.struct(*schema.TRACKS.names).eqNullSafe(F.col("labeled"))
    return tracks.join(as_labeled, "track_id", "left").where(~unchanged).select(*schema.TRACKS.names)
