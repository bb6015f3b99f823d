"""Learn weights of features from playlists, and write the table ``learned_similarity``."""

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from pyspark.sql import DataFrame

from segue import schema
from segue.core import packaged
from segue.core.paths import local_path
from segue.core.text import json_digest
from segue.errors import InputError
from segue.ingest.columns.sources import load_sources
from segue.pipeline.similarity_inputs import fingerprint, imputed_by, similarity_options
from segue.runtime.job import Job, Run, StageResult
from segue.settings import RecommendSettings
from segue.settings.likeness import PRESETS
from segue.settings.values import SIMILARITY_NAMES
from segue.similarity import learning
from segue.similarity.learned_weights import MAX_LISTED, MAX_OTHERS, LearnedWeights, fit_weights
from segue.similarity.scaling import SimilarityOptions
from segue.similarity.seed_files import MAX_BYTES, read_playlists
from segue.similarity.seeds import Seed, SeedIndex, collect_matches
from segue.storage.files import local_size
from segue.storage.store import Store

log = logging.getLogger(__name__)
LEARNING_VERSION = "1"
"""Version of the code that learns weights, hashed by ``_version``. Raise it if the same inputs give other weights."""
_DIGITS = 16
_EXPECTED = "expected playlists: a table with a column such as playlist, or a folder with a file for each playlist"
Playlists = Mapping[str, Sequence[str]]


def learn_similarity(store: Store, path: str, settings: RecommendSettings) -> StageResult:
    """Learn weights of features from playlists. Store them in ``learned_similarity`` if recommendations improve.

    Runs many Spark jobs. Learns nothing if the table has a row for the same tracks, playlists and settings.

    Parameters
    ----------
    store : the output folder, with the table ``labeled_tracks``
    path : a file of playlists, or a folder of such files; see ``segue.similarity.seed_files``
    settings : the baseline with which learned weights are compared; ``weights`` = "learned" counts as no weights

    Returns
    -------
    StageResult
        ``counts``: unknown (listed tracks missing in the catalogue), versions (rows written: 0 or 1) and seconds.
        Unless the table was up to date, also playlists and tracks (used for learning), and the share of recommended
        tracks that are in a held-out playlist with the track that they are recommended for: share_before by the
        baseline, share by learned weights.

    Raises
    ------
    InputError
        If a file is missing, too large or cannot be parsed, or names no track; if too few playlists have tracks of the
        catalogue; if ``labeled_tracks`` is empty.
    OutputError
        If ``labeled_tracks`` does not exist.
    """
    with store.stage("learn"):
        return _learn(store, path, settings)


def candidate_options(settings: RecommendSettings) -> tuple[SimilarityOptions, SimilarityOptions]:
    """Return two SimilarityOptions: the baseline to compare with, and the options to learn weights for.

    The baseline has the options of ``settings``; ``weights = "learned"`` counts as not set. In the second, the features
    are ``settings.features``, by default all features, and the logarithms are those of the preset ``era``.
    """
    options = similarity_options(settings.model_copy(update={"weights": None}) if settings.is_learned else settings)
    features = settings.features or SIMILARITY_NAMES
    offsets = {name: offset for name, offset in PRESETS["era"].log.items() if name in features}
    return options, replace(options, features=features, log=offsets)


def summarise(learned: LearnedWeights) -> str:
    """Describe the result in one line: "share on playlists held out 0.0830, before 0.0710, gain 0.0120 (… to …)".

    The share is that of hits: recommended tracks in a playlist with the track they are recommended for.
    """
    before, after, gain = (getattr(learned.held_out, name) for name in ("before", "after", "gain"))
    return (
        f"share on playlists held out {after.value:.4f}, before {before.value:.4f}, "
        f"gain {gain.value:.4f} ({gain.low:.4f} to {gain.high:.4f})"
    )


def _learn(store: Store, path: str, settings: RecommendSettings) -> StageResult:
    started = time.monotonic()
    listed = _read_playlists(store, path)
    labeled = store.read(schema.LABELED_TRACKS, cache=True)
    model_version, _, content = fingerprint(labeled, settings)
    inputs = {"playlists": path, schema.LABELED_TRACKS.name: store.versions[schema.LABELED_TRACKS.name]}
    playlists, n_unknown = match_playlists(labeled, listed)
    options, candidates = candidate_options(settings)
    imputed = imputed_by(store, model_version)
    members = sorted(sorted(set(ids)) for ids in playlists.values())
    compared = [asdict(replace(each, method="auto")) for each in (options, candidates)]
    version = _version([content, members, compared, imputed])
    counts: dict[str, Any] = {"unknown": n_unknown, "versions": 0}
    stored = store.find(schema.LEARNED_SIMILARITY)
    if stored is not None and not stored.where(stored.version == version).isEmpty():
        log.info("learn: version %s of learned_similarity is up to date", version)
        return StageResult(
            stage="learn", inputs=inputs, counts=counts | {"seconds": round(time.monotonic() - started, 3)}
        )
    learned = fit_weights(labeled, playlists, options, candidates, imputed)
    if learned.is_better:
        store.sync_local(schema.LEARNED_SIMILARITY, [_row(version, learned, options)])
        counts["versions"] = 1
    shares = {"share_before": learned.held_out.before.value, "share": learned.held_out.after.value}
    seconds = round(time.monotonic() - started, 3)
    counts |= {"playlists": learned.n_playlists, "tracks": learned.n_tracks, **shares, "seconds": seconds}
    log.info(
        "learn: %s: %s; %d playlists, %.1f s",
        f"version {version} kept, weights {_weights_text(learned)}" if learned.is_better
        else "no version kept, as the interval of the gain does not lie above 0",
        summarise(learned), learned.n_playlists, seconds,
    )  # fmt: skip
    return StageResult(stage="learn", inputs=inputs, counts=counts)


def match_playlists(labeled: DataFrame, listed: Mapping[str, Sequence[Seed]]) -> tuple[dict[str, list[str]], int]:
    """Find the tracks of playlists in the catalogue ``labeled``. Runs one Spark job.

    ``listed`` has the tracks of each playlist. Returns a dict from playlist to the ids of its tracks, and the number of
    tracks missing in the catalogue.
    """
    index = SeedIndex(collect_matches(labeled, [seed for seeds in listed.values() for seed in seeds]))
    matched = {name: [index.find(seed) for seed in seeds] for name, seeds in listed.items()}
    playlists = {name: [one for one in ids if one is not None] for name, ids in matched.items()}
    n_listed, n_matched = (sum(map(len, one.values())) for one in (listed, playlists))
    n_short = sum(len(set(ids)) < learning.MIN_TRACKS for ids in playlists.values())
    log.info(
        "learn: playlists %d, tracks in them %d, not in the catalogue %d, playlists left out %d (fewer than %d tracks "
        "of the catalogue)",
        len(listed), n_listed, n_listed - n_matched, n_short, learning.MIN_TRACKS,
    )  # fmt: skip
    return playlists, n_listed - n_matched


def _read_playlists(store: Store, path: str) -> dict[str, list[Seed]]:
    """Return a dict from playlist to its tracks, from a file or the files of a folder.

    The dictionary key is the name of the file, a line break, and the name of the playlist. Raises InputError if
    ``path`` does not exist, a file is too large or cannot be parsed, or no track is named.
    """
    sources = load_sources(packaged.conf() / "sources")
    playlists: dict[str, list[Seed]] = {}
    for file, content in _read_files(store, path):
        for name, seeds in read_playlists(content, file, sources).items():
            # equal names in two files are two playlists
            playlists[f"{PurePosixPath(file).name}\n{name}"] = seeds
    if not playlists:
        raise InputError(f"--playlists {path} names no track; {_EXPECTED}")
    return playlists


def _read_files(store: Store, path: str) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of a file, or of each file in a folder, without names that begin with "." or "_".

    Raises InputError if ``path`` does not exist, or a local file exceeds ``MAX_BYTES``.
    """
    content = _read_file(store, path)
    if content is not None:
        yield path, content
        return
    names = store.files.list_names(path)
    if names is None:
        raise InputError(f"--playlists {path} does not exist; {_EXPECTED}")
    for name in names:
        file = f"{path.rstrip('/')}/{name}"
        if not name.startswith((".", "_")) and (content := _read_file(store, file)) is not None:
            yield file, content


def _read_file(store: Store, uri: str) -> bytes | None:
    """Return the content of a file, None for a folder; raise InputError if a local file exceeds ``MAX_BYTES``."""
    local, size = local_path(uri), local_size(uri)
    if local is not None and local.is_file() and size is not None and size > MAX_BYTES:
        raise InputError(
            f"--playlists {uri} has {size // 1_000_000} MB, expected at most {MAX_BYTES // 1_000_000} MB a file"
        )
    return store.files.read_bytes(uri)


def _version(inputs: Sequence[Any]) -> str:
    limits = [MAX_LISTED, MAX_OTHERS, learning.MAX_QUERIES, learning.MAX_VALUES, learning.N_FOLDS]
    return json_digest([LEARNING_VERSION, limits, *inputs], _DIGITS)


def _row(version: str, learned: LearnedWeights, options: SimilarityOptions) -> dict[str, Any]:
    """Return the row of the table ``learned_similarity`` for the weights ``learned``, as a dict.

    ``options`` is the baseline, whose shares are ``learned.held_out.before``.
    """
    held_out = learned.held_out
    shares = {
        f"{name}{suffix}": getattr(estimate, field)
        for name, estimate in (
            ("share_before", held_out.before), ("share", held_out.after), ("gain", held_out.gain)
        )
        for suffix, field in (("", "value"), ("_low", "low"), ("_high", "high"))
    }  # fmt: skip
    compared = {"features": options.features, "log": dict(options.log), "weights": dict(options.weights)}
    settings = {
        "before": compared,
        "per_artist": options.rules.per_artist,
        "folds": learning.N_FOLDS,
        "max_queries": learning.MAX_QUERIES,
        "max_tracks": [MAX_LISTED, MAX_OTHERS],
        "confidence": learning.CONFIDENCE,
        "resamples": learning.N_RESAMPLES,
    }
    return {
        "version": version,
        "learned_at": datetime.now(UTC),
        "features": [
            {"name": name, "weight": weight, "log": learned.log.get(name)} for name, weight in learned.weights.items()
        ],
        "scaling": learned.scaling,
        **shares,
        "n_playlists": learned.n_playlists,
        "n_tracks": learned.n_tracks,
        "n_sampled": learned.n_sampled,
        "settings": json.dumps(settings, sort_keys=True),
    }


def _weights_text(learned: LearnedWeights) -> str:
    heaviest = sorted(learned.weights.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {weight:g}" for name, weight in heaviest)


def _work(run: Run) -> None:
    """Learn from playlists how similar tracks are compared: recommend.weights = "learned" uses what was learned."""
    run.record(learn_similarity(run.store, run.options.playlists, run.settings.recommend))


JOB = Job(
    "learn_similarity",
    _work,
    options=(
        (
            "--playlists",
            {
                "metavar": "FILE|FOLDER",
                "help": "playlists: a table with a playlist column, JSON, or a folder with a file for each playlist",
            },
        ),
    ),
    required=("--playlists",),
)
