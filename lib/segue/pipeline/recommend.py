"""Recommend: from ``labeled_tracks`` write ``similar_tracks``, or ``playlist_recommendations`` for a list of seeds.

Seeds are tracks listed by a user in a file, for which similar tracks are requested.
"""

import logging
import time
from collections.abc import Mapping
from pathlib import PurePosixPath

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue import schema
from segue.core import packaged
from segue.core.spark_helpers import persisted
from segue.core.text import printable
from segue.errors import InputError
from segue.ingest.columns.sources import load_sources
from segue.pipeline.similarity_inputs import (
    FORMER_LISTS_VERSION,
    LISTS_VERSION,
    fingerprint,
    former_learned_settings,
    imputed_by,
    inputs_hash,
    learned_settings,
    similarity_options,
)
from segue.runtime.job import Job, Run, StageResult
from segue.settings import RecommendSettings
from segue.similarity import neighbours, playlists
from segue.similarity.scaling import fit_scaling
from segue.similarity.seed_files import MAX_BYTES, read_seeds
from segue.similarity.seeds import Seed, SeedIndex, closest_titles, collect_matches, resolve_seeds
from segue.similarity.transitions import collect_order
from segue.storage.files import local_size
from segue.storage.store import Store

log = logging.getLogger(__name__)

_MAX_LISTED, _MAX_TEXT = 5, 100
"""Maximum number of seeds listed in a message, and of characters of one listed seed."""
_PLAYLIST_ROWS = (
    "track_id string, rank int, score double, distance double"
    ", because_of array<struct<track_id: string, distance: double>>"
)


def recommend_tracks(store: Store, settings: RecommendSettings) -> StageResult:
    """Write the table ``similar_tracks``: the tracks most similar to each track. Runs many Spark jobs.

    If the stored lists were made from the same tracks, model and settings, they are not computed again. Tracks that are
    no longer in ``labeled_tracks`` are removed from ``playlist_recommendations``.

    Parameters
    ----------
    store : the output folder, with the table ``labeled_tracks``
    settings : how similarity is measured, and which tracks a list may hold

    Returns
    -------
    StageResult
        ``counts``: tracks, short_lists (lists shorter than ten) and seconds. If the table was up to date, tracks is 0
        and short_lists is absent.

    Raises
    ------
    InputError
        If ``labeled_tracks`` is empty, no compared feature has a value, or ``weights`` is "learned" and no weights were
        learned with this ``scaling``.
    OutputError
        If ``labeled_tracks`` does not exist.
    """
    with store.stage("recommend"):
        return _recommend(store, settings)


def recommend_for_seeds(store: Store, path: str, settings: RecommendSettings) -> StageResult:
    """Write recommendations for the tracks listed in a file, the seeds, to ``playlist_recommendations``.

    Runs many Spark jobs. The playlist has the name of the file without its ending. Recommendations for playlists of
    other names are unchanged.

    Parameters
    ----------
    store : the output folder, with the table ``labeled_tracks``
    path : path or URI of a file: track ids or titles, one a line, or a playlist as CSV or JSON, also in a zip archive
    settings : how similarity is measured, and which tracks may be recommended

    Returns
    -------
    StageResult
        ``counts``: playlist (its name), seeds (distinct labeled tracks in the file), unknown (tracks in the file that
        are not labeled), recommended (tracks), changed (rows of the table) and seconds.

    Raises
    ------
    InputError
        If the file does not exist, cannot be read, is too large, or names no labeled track. Also in the cases of
        ``recommend_tracks``.
    OutputError
        If ``labeled_tracks`` does not exist.
    """
    with store.stage("recommend for seeds"):
        return _recommend_for_seeds(store, path, settings)


def _recommend(store: Store, settings: RecommendSettings) -> StageResult:
    started = time.monotonic()
    labeled = store.read(schema.LABELED_TRACKS, cache=True)
    _purge_removed(store, labeled)
    tracks_version = store.versions[schema.LABELED_TRACKS.name]
    model_version, n_tracks, content = fingerprint(labeled, settings)
    inputs = {schema.LABELED_TRACKS.name: tracks_version, "model_version": model_version}
    unlearned = settings.model_copy(update={"weights": None}) if settings.is_learned else settings
    former_learned = [unlearned, *former_learned_settings(store, settings)] if settings.is_learned else []
    settings = learned_settings(store, settings)
    options = similarity_options(settings)
    imputed = imputed_by(store, model_version)
    origin = inputs_hash(content, model_version, settings, imputed)
    nine = unlearned.model_copy(update={"likeness": "nine"})
    former = {
        inputs_hash(content, model_version, nine, imputed, version): "rules or defaults of similarity are new"
        for version in (LISTS_VERSION, FORMER_LISTS_VERSION)
    }
    news = "what was learned from playlists is new"
    former |= {inputs_hash(content, model_version, each, imputed): news for each in former_learned}
    if _confirm(store, origin, former, tracks_version):
        log.info("recommend: the lists of %d tracks are up to date", n_tracks)
        seconds = round(time.monotonic() - started, 3)
        return StageResult(stage="recommend", inputs=inputs, counts={"tracks": 0, "seconds": seconds})
    scaling = fit_scaling(labeled, options, imputed)
    constants = {
        "model_version": F.lit(model_version),
        "tracks_version": F.lit(tracks_version).cast("bigint"),
        "made_from": F.lit(origin),
    }
    with (
        neighbours.similar_lists(labeled, scaling, options, n_tracks=n_tracks) as lists,
        # persisted, because the search would run once for the counts and once for the write
        persisted(lists) as lists,
    ):
        is_short = F.size("similar") < options.rules.length
        short, beyond = lists.select(F.count_if(is_short), F.count_if("exceeds_cap")).collect()[0]
        store.replace(schema.SIMILAR_TRACKS, lists.withColumns(constants).select(*schema.SIMILAR_TRACKS.names))
    if beyond:
        log.info(
            "recommend: too few artists for recommend.per_artist = %d: %d of %d lists have more tracks by one artist",
            options.rules.per_artist, beyond, n_tracks,
        )  # fmt: skip
    seconds = round(time.monotonic() - started, 3)
    log.info(
        "recommend: %d tracks, %d of them with fewer than %d neighbours, %s %s, %.1f s",
        n_tracks, short, options.rules.length, options.scaling, ", ".join(scaling.features), seconds,
    )  # fmt: skip
    counts = {"tracks": n_tracks, "short_lists": short, "seconds": seconds}
    return StageResult(stage="recommend", inputs=inputs, counts=counts)


def _confirm(store: Store, origin: str, former: Mapping[str, str], tracks_version: int) -> bool:
    """Return whether the stored lists of similar tracks are up to date: their ``inputs_hash`` equals ``origin``.

    If so, also store ``tracks_version``, the current version of ``labeled_tracks``, with the lists. The version may be
    newer after a compaction, or after a change of columns on which no list depends.

    The keys of ``former`` are the hashes of lists made with former defaults, rules or learned weights. Its values are
    reasons to compute all lists again, such as "what was learned from playlists is new". If the stored lists have one
    of the hashes, its reason is logged.
    """
    stored = store.find(schema.SIMILAR_TRACKS)
    row = stored.select("made_from", "tracks_version").first() if stored is not None else None
    if stored is None or row is None:
        return False
    if row.made_from != origin:
        if row.made_from in former:
            log.info("recommend: %s; all lists are computed again, once", former[row.made_from])
        return False
    # guard: unchanged-lists-get-new-version
    if row.tracks_version != tracks_version:
        version = F.lit(tracks_version).cast("bigint")
        store.replace(schema.SIMILAR_TRACKS, stored.withColumn("tracks_version", version))
    return True


def _purge_removed(store: Store, labeled: DataFrame) -> None:
    """Remove from ``playlist_recommendations`` every track and every seed that is not in ``labeled``.

    Seeds are in the column ``because_of``. A row without any seed left is removed too.
    """
    stored = store.find(schema.PLAYLIST_RECOMMENDATIONS)
    if stored is None:
        return
    ids = stored.select("track_id").union(stored.select(F.explode("because_of.track_id"))).distinct()
    removed = [row.track_id for row in ids.join(labeled.select("track_id"), "track_id", "left_anti").collect()]
    # guard: playlists-without-removed-tracks -> return
    if not removed:
        return
    seeds = F.filter("because_of", lambda seed: ~seed.track_id.isin(removed))
    left = stored.where(~F.col("track_id").isin(removed)).withColumn("because_of", seeds)
    store.sync(schema.PLAYLIST_RECOMMENDATIONS, left.where(F.size("because_of") > 0), remove_missing=True)


def _recommend_for_seeds(store: Store, path: str, settings: RecommendSettings) -> StageResult:
    started = time.monotonic()
    settings = learned_settings(store, settings)
    seeds = _read_seeds(store, path)
    labeled = store.read(schema.LABELED_TRACKS, cache=True)
    stored = store.find(schema.PLAYLIST_RECOMMENDATIONS)
    model_version, n_tracks, _ = fingerprint(labeled, settings)
    index = SeedIndex(collect_matches(labeled, seeds))
    ids, unknown = resolve_seeds(seeds, index)
    listed = _describe_unknown(labeled, unknown)
    if not ids:
        raise InputError(
            f"none of {len(seeds)} tracks in --seeds {path} is among the {n_tracks} labeled tracks: {listed}"
        )
    if unknown:
        log.warning("recommend: %d of %d seeds are not in the catalogue: %s", len(unknown), len(seeds), listed)
    if ambiguous := [track for seed in seeds if (track := index.find_ambiguous(seed))]:
        selected = [printable(f"{track.title} - {track.artist}"[:_MAX_TEXT]) for track in ambiguous[:_MAX_LISTED]]
        log.warning(
            "recommend: titles that several artists have; selected: %s. Write title - artist to select another",
            ", ".join(selected) + (", …" if len(ambiguous) > _MAX_LISTED else ""),
        )  # fmt: skip
    options = similarity_options(settings)
    scaling = fit_scaling(labeled, options, imputed_by(store, model_version))
    recommended = playlists.fit_playlist(labeled, scaling, options, ids, settings.playlist_length)
    if settings.order == "segue":
        order = collect_order(labeled, [track.track_id for track in recommended])
        recommended = [recommended[position] for position in order]
    name = PurePosixPath(path).stem
    rows = _playlist_rows(labeled, recommended).withColumns(
        {"playlist": F.lit(name), "model_version": F.lit(model_version)}
    )
    rows = rows.select(*schema.PLAYLIST_RECOMMENDATIONS.names)
    if stored is not None:
        rows = rows.unionByName(stored.where(F.col("playlist") != name))
    changes = store.sync(schema.PLAYLIST_RECOMMENDATIONS, rows, remove_missing=True)
    seconds = round(time.monotonic() - started, 3)
    log.info("recommend: %d tracks for the %d seeds of %s, %.1f s", len(recommended), len(ids), name, seconds)
    return StageResult(
        stage="recommend",
        inputs={"seeds": path, schema.LABELED_TRACKS.name: store.versions[schema.LABELED_TRACKS.name]},
        counts={
            "playlist": name,
            "seeds": len(ids),
            "unknown": len(unknown),
            "recommended": len(recommended),
            "changed": changes.rows,
            "seconds": seconds,
        },
    )


def _read_seeds(store: Store, path: str) -> list[Seed]:
    """Return the tracks named in a file. Raises InputError if the file is missing, too large, or names no track."""
    expected = "expected track ids or titles, one a line, or a playlist as CSV or JSON"
    size = local_size(path)
    if size is not None and size > MAX_BYTES:
        raise InputError(f"--seeds {path} has {size // 1_000_000} MB, expected at most {MAX_BYTES // 1_000_000} MB")
    content = store.files.read_bytes(path)
    if content is None:
        raise InputError(f"--seeds {path} is not a file; {expected}")
    seeds = read_seeds(content, path, load_sources(packaged.conf() / "sources"))
    if not seeds:
        raise InputError(f"--seeds {path} names no track; {expected}")
    return seeds


def _describe_unknown(labeled: DataFrame, unknown: list[Seed]) -> str:
    """Return the first seeds not found in the catalogue, as text: "helo - adele (closest: hello - adele), another".

    "(closest: …)" is left out if no title is similar. Without unknown seeds, returns "". Runs one Spark job.
    """
    if not unknown:
        return ""
    shown = unknown[:_MAX_LISTED]
    notes = [f" (closest: {title})" if title else "" for title in closest_titles(labeled, shown)]
    texts = [printable(seed.text[:_MAX_TEXT] + note) for seed, note in zip(shown, notes, strict=True)]
    return ", ".join(texts) + (", …" if len(unknown) > _MAX_LISTED else "")


def _playlist_rows(labeled: DataFrame, recommended: list[playlists.Recommendation]) -> DataFrame:
    values = [
        (track.track_id, rank, track.score, track.distance, track.because_of)
        for rank, track in enumerate(recommended, 1)
    ]
    rows = labeled.sparkSession.createDataFrame(values, _PLAYLIST_ROWS)
    return rows.join(labeled.select("track_id", "title", "artist"), "track_id")


def _work(run: Run) -> None:
    """Find the tracks most similar to each track, or with --seeds those that go with a list of tracks."""
    if run.options.seeds is not None:
        run.record(recommend_for_seeds(run.store, run.options.seeds, run.settings.recommend))
    else:
        run.record(recommend_tracks(run.store, run.settings.recommend))


JOB = Job(
    "recommend_tracks",
    _work,
    options=(
        (
            "--seeds",
            {
                "metavar": "FILE",
                "help": "recommend for this list: track ids or titles, one a line, or a playlist as CSV or JSON",
            },
        ),
    ),
)
