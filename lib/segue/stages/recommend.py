"""``labeled_tracks`` become ``similar_tracks``."""

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import segue
from segue import schema
from segue.clustering import card
from segue.config import Recommend
from segue.errors import InputError
from segue.job import Run
from segue.models import Models
from segue.similar import neighbours, space
from segue.similar.choice import Rules
from segue.stages.forget import forget_gone

log = logging.getLogger(__name__)

_DIGITS = 16
_DECIDING = (
    "track_id",
    "title",
    "artist",
    "genre",
    "year",
    "popularity",
    *schema.FEATURE_NAMES,
    "cluster",
    "is_outlier",
)
"""What of a labeled track decides who is near it and what is said of the two."""


def recommend(run: Run) -> None:
    """Find the tracks most similar to each, unless the lists that stand there are still right."""
    started = time.monotonic()
    labeled = run.at_hand(run.store.read(schema.LABELED_TRACKS))
    forget_gone(run, labeled)
    tracks_version = run.store.seen[schema.LABELED_TRACKS.name]
    model_version, n_tracks, content = fingerprint(labeled)
    run.inputs |= {schema.LABELED_TRACKS.name: tracks_version, "model_version": model_version}
    wanted = options(run.settings.recommend)
    imputed = imputed_by(run, model_version)
    origin = origin_of(content, model_version, run.settings.recommend, imputed)
    if _confirm(run, origin, tracks_version):
        log.info("recommend: the lists of %d tracks are those of the same tracks and settings", n_tracks)
        run.counts["recommend"] = {"tracks": 0, "seconds": round(time.monotonic() - started, 3)}
        return
    scaling = space.fit_scaling(labeled, wanted, imputed)
    with neighbours.similar_lists(labeled, scaling, wanted, n_tracks=n_tracks) as lists:
        said = {
            "model_version": F.lit(model_version),
            "tracks_version": F.lit(tracks_version).cast("bigint"),
            "made_from": F.lit(origin),
        }
        run.store.replace(schema.SIMILAR_TRACKS, lists.withColumns(said).select(*schema.SIMILAR_TRACKS.names))
    short = run.store.read(schema.SIMILAR_TRACKS).where(F.size("similar") < wanted.rules.length).count()
    seconds = round(time.monotonic() - started, 3)
    run.counts["recommend"] = {"tracks": n_tracks, "short_lists": short, "seconds": seconds}
    log.info(
        "recommend: %d tracks, %d of them with fewer than %d neighbours, %s %s, %.1f s",
        n_tracks, short, wanted.rules.length, wanted.scaling, ", ".join(scaling.features), seconds,
    )  # fmt: skip


def options(chosen: Recommend) -> space.Options:
    """Return the settings as the search takes them."""
    return space.Options(
        features=chosen.features,
        scaling=chosen.scaling,
        method=chosen.method,
        rules=Rules(per_artist=chosen.per_artist, years_apart=chosen.years_apart),
        other_releases=chosen.other_releases,
        same_genre=chosen.same_genre,
        least_popularity=chosen.least_popularity,
        outliers=chosen.outliers,
    )


def fingerprint(labeled: DataFrame) -> tuple[str, int, dict[str, Any]]:
    """Return the model that labeled, the number of tracks, and what changes when they do, whatever their order.

    Raises
    ------
    InputError
        If there is no track.
    """
    row_hash = F.xxhash64(*_DECIDING)
    row = labeled.agg(
        F.max("model_version").alias("model_version"),
        F.count("*").alias("rows"),
        F.sum(row_hash.cast("decimal(38,0)")).cast("string").alias("total"),
        F.bit_xor(row_hash).alias("parity"),
    ).collect()[0]
    if not row.rows:
        raise InputError("labeled_tracks has no track; ingest some, and label them")
    return row.model_version, row.rows, {name: row[name] for name in ("rows", "total", "parity")}


def imputed_by(run: Run, model_version: str) -> dict[str, float]:
    """Return what a model fills in for features that a track lacks."""
    text = Models(run.store.root, card.FILE_NAME).card(model_version)
    return card.from_json(text, f"models/{model_version}").imputed if text else {}


def origin_of(content: Mapping[str, Any], model_version: str, settings: Recommend, imputed: Mapping[str, float]) -> str:
    """Return a hash of everything that decides the lists; the method, for one, does not."""
    decides = {name: value for name, value in asdict(settings).items() if name not in ("method", "playlist_length")}
    everything = [content, model_version, decides, imputed, segue.__version__]
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode("utf-8")).hexdigest()[:_DIGITS]


def _confirm(run: Run, origin: str, tracks_version: int) -> bool:
    """Tell whether the lists that stand there are of the same tracks and settings, and have them say so if they are.

    What decides nothing, such as an album or a compaction, makes another version of ``labeled_tracks`` too.
    """
    stored = run.store.find(schema.SIMILAR_TRACKS)
    row = stored.select("made_from", "tracks_version").first() if stored is not None else None
    if stored is None or row is None or row.made_from != origin:
        return False
    # guard: unchanged-lists-get-new-version
    if row.tracks_version != tracks_version:
        now = F.lit(tracks_version).cast("bigint")
        run.store.replace(schema.SIMILAR_TRACKS, stored.withColumn("tracks_version", now))
    return True
