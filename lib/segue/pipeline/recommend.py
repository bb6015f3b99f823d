"""Tracks that are gone leave the lists that were made with them."""

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue import schema
from segue.clustering import model_card
from segue.core.text import json_digest
from segue.core.version import __version__
from segue.errors import InputError
from segue.runtime.runner import Job, Run
from segue.settings.loading import Recommend
from segue.similarity import coordinates, neighbours, playlists
from segue.similarity.playlists import read_seeds, resolve_seeds
from segue.similarity.rules import Rules
from segue.storage import files
from segue.storage.model_store import ModelStore


def purge_removed(run: Run, labeled: DataFrame) -> None:
    """Remove from ``playlist_recommendations`` what recommends, or comes from, a track that is no longer labeled."""
    stored = run.store.find(schema.PLAYLIST_RECOMMENDATIONS)
    if stored is None:
        return
    named = stored.select("track_id").union(stored.select(F.explode("because_of.track_id"))).distinct()
    gone = [row.track_id for row in named.join(labeled.select("track_id"), "track_id", "left_anti").collect()]
    # guard: playlists-without-removed-tracks -> return
    if not gone:
        return
    seeds = F.filter("because_of", lambda seed: ~seed.track_id.isin(gone))
    kept = stored.where(~F.col("track_id").isin(gone)).withColumn("because_of", seeds).where(F.size("because_of") > 0)
    run.store.sync(schema.PLAYLIST_RECOMMENDATIONS, kept, whole=True)


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
    purge_removed(run, labeled)
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
    scaling = coordinates.fit_scaling(labeled, wanted, imputed)
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


def options(chosen: Recommend) -> coordinates.SimilarityOptions:
    """Return the settings as the search takes them."""
    return coordinates.SimilarityOptions(
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
    text = ModelStore(run.store.root, model_card.FILE_NAME).card(model_version)
    return model_card.from_json(text, f"models/{model_version}").imputed if text else {}


def origin_of(content: Mapping[str, Any], model_version: str, settings: Recommend, imputed: Mapping[str, float]) -> str:
    """Return a hash of everything that decides the lists; the method, for one, does not."""
    decides = {name: value for name, value in asdict(settings).items() if name not in ("method", "playlist_length")}
    everything = [content, model_version, decides, imputed, __version__]
    return json_digest(everything, _DIGITS)


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


_SHOWN = 5
_ROWS = (
    "track_id string, rank int, score double, distance double"
    ", because_of array<struct<track_id: string, distance: double>>"
)


def work(run: Run) -> None:
    """Find the tracks most similar to each, or, with --seeds, those that go with a list."""
    if run.options.seeds:
        recommend_for(run, run.options.seeds)
    else:
        recommend(run)


def recommend_for(run: Run, path: str) -> None:
    """Recommend tracks for the list in a file; lists of other files stay as they are."""
    started = time.monotonic()
    text = files.read_text(path)
    if text is None:
        raise InputError(f"--seeds {path} is no file; wanted track ids or titles, one a line, or a playlist's CSV")
    seeds = read_seeds(text)
    if not seeds:
        raise InputError(f"--seeds {path} names no track; wanted track ids or titles, one a line, or a playlist's CSV")
    labeled = run.at_hand(run.store.read(schema.LABELED_TRACKS))
    stored = run.store.find(schema.PLAYLIST_RECOMMENDATIONS)
    version, n_tracks, _ = fingerprint(labeled)
    ids, strangers = resolve_seeds(seeds, playlists.known_tracks(labeled, seeds))
    told = ", ".join(strangers[:_SHOWN]) + (", …" if len(strangers) > _SHOWN else "")
    if not ids:
        raise InputError(f"none of {len(seeds)} tracks in --seeds {path} is among the {n_tracks} labeled ones ({told})")
    if strangers:
        log.warning("recommend: %d of %d seeds are not in the catalogue: %s", len(strangers), len(seeds), told)
    wanted = options(run.settings.recommend)
    scaling = coordinates.fit_scaling(labeled, wanted, imputed_by(run, version))
    found = playlists.fit_playlist(labeled, scaling, wanted, ids, run.settings.recommend.playlist_length)
    name = PurePosixPath(path).stem
    values = [(one.track_id, rank, one.score, one.distance, one.because_of) for rank, one in enumerate(found, 1)]
    rows = run.spark.createDataFrame(values, _ROWS).join(labeled.select("track_id", "title", "artist"), "track_id")
    rows = rows.withColumns({"playlist": F.lit(name), "model_version": F.lit(version)})
    rows = rows.select(*schema.PLAYLIST_RECOMMENDATIONS.names)
    if stored is not None:
        rows = rows.union(stored.where(F.col("playlist") != name))
    change = run.store.sync(schema.PLAYLIST_RECOMMENDATIONS, rows, whole=True)
    seconds = round(time.monotonic() - started, 3)
    run.inputs |= {"seeds": path, schema.LABELED_TRACKS.name: run.store.seen[schema.LABELED_TRACKS.name]}
    counts = {"playlist": name, "seeds": len(ids), "unknown": len(strangers), "recommended": len(found)}
    run.counts["recommend"] = counts | {"changed": change.rows, "seconds": seconds}
    log.info("recommend: %d tracks for the %d seeds of %s, %.1f s", len(found), len(ids), name, seconds)


JOB = Job(
    "recommend_tracks",
    work,
    options=(
        (
            "--seeds",
            {
                "metavar": "FILE",
                "help": "recommend for this list: track ids or titles, one a line, or a playlist's CSV",
            },
        ),
    ),
)
