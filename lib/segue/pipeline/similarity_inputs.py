"""Collect the inputs of the lists of similar tracks, and compute a hash of all inputs.

The inputs are the tracks, the model, the settings and the learned weights. The hash is stored with the lists: if it is
unchanged, the lists are up to date.
"""

import logging
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue import schema
from segue.clustering import model_card
from segue.core.text import json_digest
from segue.errors import InputError, SettingsError
from segue.settings import RecommendSettings
from segue.similarity.rules import Rules
from segue.similarity.scaling import SimilarityOptions
from segue.storage.model_store import ModelStore
from segue.storage.store import Store

log = logging.getLogger(__name__)
_DIGITS = 16
_DECISIVE_COLUMNS = (
    "track_id",
    "title",
    "artist",
    "genre",
    "year",
    "popularity",
    *schema.FEATURE_NAMES,
    "cluster",
    "is_outlier",
    "isrc",
)
"""The columns of ``labeled_tracks`` with an effect on the lists of similar tracks; with ``harmonic``, key and mode too.

Columns missing in the table are not hashed. Spark's hash ignores nulls: a new column of nulls does not change the hash.
"""
LISTS_VERSION, FORMER_LISTS_VERSION = "0.3.0", "0.1.0"
"""Present and former version of the code that makes lists of similar tracks; ``inputs_hash`` hashes one of them.

Raise the present version if the same inputs give other lists.
"""


def similarity_options(settings: RecommendSettings) -> SimilarityOptions:
    """Convert the settings of the section ``recommend`` to the SimilarityOptions of ``segue.similarity``.

    Raises
    ------
    SettingsError
        If ``weights`` is "learned"; ``learned_settings`` replaces this value by numbers.
    """
    if settings.is_learned:
        raise SettingsError(
            ['recommend.weights is "learned", which only jobs read from their output; '
             "expected the settings of what segue.learn_similarity returns"]
        )  # fmt: skip
    compared = settings.compared
    return SimilarityOptions(
        features=compared.features,
        scaling=settings.scaling,
        log=compared.log,
        weights=compared.weights,
        method=settings.method,
        rules=Rules(per_artist=settings.per_artist, years_apart=settings.years_apart, harmonic=settings.harmonic),
        other_releases=settings.other_releases,
        same_genre=settings.same_genre,
        min_popularity=settings.min_popularity,
        outliers=settings.outliers,
    )


def learned_settings(store: Store, settings: RecommendSettings) -> RecommendSettings:
    """Replace ``weights = "learned"`` by the latest learned weights, from the table ``learned_similarity``.

    Returns new settings: ``features``, ``log`` and ``weights`` are those of the latest version that was learned with
    ``settings.scaling``. If ``weights`` is not "learned", returns ``settings`` unchanged, without a Spark job.

    Raises
    ------
    InputError
        If no version was learned with ``settings.scaling``.
    """
    if not settings.is_learned:
        return settings
    versions = _learned_versions(store, settings)
    if not versions:
        raise InputError(
            f"{store.path(schema.LEARNED_SIMILARITY)} has no version with recommend.scaling = {settings.scaling!r}, "
            "which recommend.weights = 'learned' needs; run learn_similarity.py --playlists FILE"
        )
    version, latest = versions[0]
    log.info("recommend: tracks are compared by version %s of learned_similarity", version)
    return latest


def former_learned_settings(store: Store, settings: RecommendSettings) -> list[RecommendSettings]:
    """Return one RecommendSettings for each version of ``learned_similarity`` but the latest, newest first.

    An item is a copy of ``settings`` with the features, logarithms and weights of the version. The items identify lists
    of similar tracks that were made before the latest version was learned. Versions learned with another scaling than
    ``settings.scaling`` do not count. The list is empty if ``settings.weights`` is not "learned". Runs at most one
    Spark job.
    """
    return [each for _, each in _learned_versions(store, settings)[1:]] if settings.is_learned else []


def _learned_versions(store: Store, settings: RecommendSettings) -> list[tuple[str, RecommendSettings]]:
    """Return a pair (version, settings) for each version in ``learned_similarity``, the latest first.

    The settings of a pair are ``settings`` with the learned features, logarithm settings and weights. Versions learned
    with another ``scaling`` are left out.
    """
    stored = store.find(schema.LEARNED_SIMILARITY)
    if stored is None:
        return []
    rows = stored.where(F.col("scaling") == settings.scaling).orderBy(F.desc("learned_at"), "version").collect()
    learned = []
    for row in rows:
        compared = {
            "features": tuple(each.name for each in row.features),
            "log": {each.name: each.log for each in row.features if each.log is not None},
            "weights": {each.name: each.weight for each in row.features},
        }
        learned.append((row.version, settings.model_copy(update=compared)))
    return learned


def fingerprint(labeled: DataFrame, settings: RecommendSettings) -> tuple[str, int, dict[str, Any]]:
    """Return the model version, the number of tracks, and a checksum of the tracks. Runs one Spark job.

    The checksum is a dict: ``rows``, the number of rows; ``total`` and ``parity``, the sum and XOR of the rows' hashes.
    It does not depend on the order of rows. Only columns with an effect on lists of similar tracks are hashed.

    Raises
    ------
    InputError
        If there are no tracks.
    """
    columns = (*_DECISIVE_COLUMNS, *(("key", "mode") if settings.harmonic else ()))
    row_hash = F.xxhash64(*(name for name in columns if name in labeled.columns))
    row = labeled.agg(
        F.max("model_version").alias("model_version"),
        F.count("*").alias("rows"),
        F.sum(row_hash.cast("decimal(38,0)")).cast("string").alias("total"),
        F.bit_xor(row_hash).alias("parity"),
    ).collect()[0]
    if not row.rows:
        raise InputError("labeled_tracks has no tracks; ingest some, and label them")
    return row.model_version, row.rows, {name: row[name] for name in ("rows", "total", "parity")}


def imputed_by(store: Store, model_version: str) -> dict[str, float]:
    """Return the values by which a model replaces missing values, by feature: {"bpm": 121.0}.

    If the output has no such model, the dict is empty.
    """
    text = ModelStore(store.root, store.files).card(model_version)
    return model_card.from_json(text, f"models/{model_version}").imputed if text else {}


def inputs_hash(
    content: Mapping[str, Any],
    model_version: str,
    settings: RecommendSettings,
    imputed: Mapping[str, float],
    lists_version: str = LISTS_VERSION,
) -> str:
    """Return a hash (16 hexadecimal digits) of all inputs of the lists of similar tracks.

    ``content`` is the checksum of the tracks from ``fingerprint``; ``imputed`` is the result of ``imputed_by``;
    ``lists_version`` is ``LISTS_VERSION`` or ``FORMER_LISTS_VERSION``.
    """
    compared = settings.compared
    others = {"method", "playlist_length", "order", "likeness", "log", "weights"}
    decisive = settings.model_dump(mode="json", exclude=others)
    # guard: default-keeps-lists
    if not settings.harmonic:
        del decisive["harmonic"]
    decisive["features"] = list(compared.features)
    # guard: nine-keeps-lists -> decisive |= {"log": dict(compared.log), "weights": dict(compared.weights)}
    decisive |= {name: dict(table) for name, table in (("log", compared.log), ("weights", compared.weights)) if table}
    # hashed under the former name of the setting, so that lists written by 0.1.0 stay valid
    decisive["least_popularity"] = decisive.pop("min_popularity")
    everything = [content, model_version, decisive, imputed, lists_version]
    return json_digest(everything, _DIGITS)
