"""A list of tracks and ``labeled_tracks`` become ``playlist_recommendations``."""

import logging
import time
from pathlib import PurePosixPath

from pyspark.sql import functions as F

from segue import files, schema
from segue.errors import InputError
from segue.job import Job, Run
from segue.similar import playlist, space
from segue.similar.seeds import read_seeds, resolve
from segue.stages.recommend import fingerprint, imputed_by, options, recommend

log = logging.getLogger(__name__)

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
    ids, strangers = resolve(seeds, playlist.known_tracks(labeled, seeds))
    told = ", ".join(strangers[:_SHOWN]) + (", …" if len(strangers) > _SHOWN else "")
    if not ids:
        raise InputError(f"none of {len(seeds)} tracks in --seeds {path} is among the {n_tracks} labeled ones ({told})")
    if strangers:
        log.warning("recommend: %d of %d seeds are not in the catalogue: %s", len(strangers), len(seeds), told)
    wanted = options(run.settings.recommend)
    scaling = space.fit_scaling(labeled, wanted, imputed_by(run, version))
    found = playlist.fit_playlist(labeled, scaling, wanted, ids, run.settings.recommend.playlist_length)
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
