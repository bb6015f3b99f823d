"""Prepare labeled tracks for the search for neighbours: select columns, hash names, scale features to coordinates."""

import logging

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from segue.similarity import arrays
from segue.similarity.keys import FIFTH, FIRST_NUMBERS, N_NUMBERS, UNKNOWN
from segue.similarity.reasons import as_ranks
from segue.similarity.releases import UNITS
from segue.similarity.scaling import Scaling, SimilarityOptions
from segue.similarity.title_keys import artist_keys, title_keys

log = logging.getLogger(__name__)
_KEY_FIELDS = "artist string, title string"
_ISRC = "^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$"


def prepare_tracks(tracks: DataFrame, scaling: Scaling, options: SimilarityOptions) -> DataFrame:
    """Select the columns for the search for neighbours from labeled tracks. Runs no Spark job.

    Parameters
    ----------
    tracks : DataFrame with the columns of ``labeled_tracks``; isrc, key and mode may be missing
    scaling : Scaling
        ``features`` is used.
    options : SimilarityOptions
        Determines the columns block, artist, title, isrc, key and candidate.

    Returns
    -------
    DataFrame with columns
        * ``track_id``, ``cluster``, ``year`` (double).
        * ``block`` (string): the track's genre if ``options.same_genre`` is true, else "" for all tracks. Only tracks
          of the same block can be neighbours; a track with a null block has no neighbours.
        * ``artist``, ``title``, ``id``, ``isrc`` (bigint): hash codes, from which ``releases`` computes the codes of
          artist and recording. ``artist`` is null where unknown, ``isrc`` where missing or invalid. ``title`` is a hash
          of the artist and the title without release notes: "Help!" and "Help! - Remastered" by one artist have equal
          codes. A track without a title has a code of its own. If ``options.other_releases`` is true, every track has
          a ``title`` code of its own, and ``isrc`` is null; if ``rules.per_artist`` is 0 too, ``artist`` is also null.
        * ``key`` (int): code of the musical key, see module ``keys``. Without ``rules.harmonic`` always ``UNKNOWN``.
        * ``candidate`` (boolean): whether the track can be recommended.
        * ``x0``, ``x1``, ... (double): values of ``scaling.features``, null where missing.
        * The other features of ``releases.UNITS`` (double), by their names, if ``tracks`` has them.
    """

    @arrow_udf(returnType=_KEY_FIELDS)  # type: ignore[call-overload, untyped-decorator]
    def parse_keys(titles: pa.Array, artists: pa.Array) -> pa.Array:
        names = artist_keys([artist or "" for artist in artists.to_pylist()])
        columns = [names, title_keys([title or "" for title in titles.to_pylist()])]
        return pa.StructArray.from_arrays([pa.array(column, pa.string()) for column in columns], ["artist", "title"])

    # parsing titles is slow: skipped if no rule uses the normalised artist and title (column keys)
    has_limits = bool(options.rules.per_artist) or not options.other_releases
    keys = parse_keys("title", "artist") if has_limits else F.lit(None).cast(f"struct<{_KEY_FIELDS}>")
    # each recording of an unknown artist gets an artist of its own, so that the limit per artist never excludes it
    # guard: unknown-artist-unlimited -> is_unknown = F.lit(False)
    is_unknown = F.col("keys.artist") == ""
    is_apart = F.lit(options.other_releases) | (F.col("keys.title") == "")
    title = F.when(is_apart, F.col("track_id")).otherwise(F.concat_ws("\n", "keys.artist", "keys.title"))
    isrc = F.regexp_replace(F.upper("isrc"), "[^A-Z0-9]", "") if "isrc" in tracks.columns else F.lit(None)
    values = value_names(scaling)
    compared = [name for name in release_columns(tracks, scaling) if name in UNITS]
    return tracks.select(
        "track_id",
        (F.col("genre") if options.same_genre else F.lit("")).alias("block"),
        keys.alias("keys"),
        (F.lit(None) if options.other_releases else isrc).cast("string").alias("isrc"),
        F.col("year").cast("double"),
        (key_codes(tracks) if options.rules.harmonic else F.lit(UNKNOWN)).alias("key"),
        "cluster",
        _is_candidate(options).alias("candidate"),
        *(F.col(feature).cast("double").alias(name) for feature, name in zip(scaling.features, values, strict=True)),
        *(F.col(name).cast("double") for name in compared),
    ).select(
        "track_id",
        "block",
        F.when(~is_unknown, _hash_code(F.col("keys.artist"))).alias("artist"),
        _hash_code(title).alias("title"),
        _hash_code(F.col("track_id")).alias("id"),
        F.when(F.col("isrc").rlike(_ISRC), _hash_code(F.col("isrc"))).alias("isrc"),
        "year",
        "key",
        "cluster",
        "candidate",
        *values,
        *compared,
    )


def key_codes(tracks: DataFrame) -> Column:
    """Return a Column with the code of each track's musical key (int, see module ``keys``).

    The code is ``UNKNOWN`` (-1) where key or mode is null, and for all tracks if ``tracks`` lacks one of these columns.
    """
    if not {"key", "mode"} <= set(tracks.columns):
        return F.lit(UNKNOWN)
    codes = [
        F.pmod(FIFTH * F.col("key") + first, F.lit(N_NUMBERS)) * 2 + mode for mode, first in enumerate(FIRST_NUMBERS)
    ]
    code = F.when(F.col("mode") == 0, codes[0]).when(F.col("mode") == 1, codes[1])
    return F.coalesce(code, F.lit(UNKNOWN)).cast("int")


def log_unknown_keys(tracks: DataFrame, options: SimilarityOptions) -> None:
    """Log the number of tracks with an unknown musical key, if there are any. Runs one Spark job.

    The message is a warning if all keys are unknown. Does nothing unless ``options.rules.harmonic`` is true.
    """
    if not options.rules.harmonic:
        return
    n_tracks, n_unknown = tracks.agg(F.count("*"), F.count_if(key_codes(tracks) == UNKNOWN)).collect()[0]
    if n_unknown == n_tracks:
        log.warning("no track has a key and a mode: recommend.harmonic has no effect")
    elif n_unknown:
        log.info(
            "similarity: %d of %d tracks have no key and mode: their lists are not limited to any key, "
            "and they are in no list of a track with a key", n_unknown, n_tracks,
        )  # fmt: skip


def release_columns(tracks: DataFrame, scaling: Scaling) -> tuple[str, ...]:
    """Return for each feature of ``releases.UNITS``, in order, its column name in the result of ``prepare_tracks``.

    A feature in ``scaling.features`` has the name "x0", "x1", ... Any other feature has its own name, or "" if
    ``tracks`` has no such column.
    """
    names = dict(zip(scaling.features, value_names(scaling), strict=True))
    return tuple(names.get(name, name if name in tracks.columns else "") for name in UNITS)


def with_points(rows: pa.Table | pa.RecordBatch, scaling: Scaling) -> pa.Table:
    """Replace the feature values of tracks by coordinates (scaled and weighted values) and by quantile ranks.

    Missing values are first replaced by ``scaling.fill``. The distance between two tracks is the Euclidean distance of
    their coordinates.

    Parameters
    ----------
    rows : pa.Table or pa.RecordBatch
        Rows of the result of ``prepare_tracks`` or ``releases.with_recordings``.
    scaling : Scaling
        The scale and the weight of each feature.

    Returns
    -------
    pa.Table
        Instead of x0, x1, ...: ``point`` (binary: n_features coordinates as float64) and ``ranks`` (binary: n_features
        ranks as uint16). The other columns are unchanged.
    """
    names = value_names(scaling)
    values = scaling.fill_missing(arrays.column_matrix([rows.column(name) for name in names]))
    others = {name: rows.column(name) for name in rows.schema.names if name not in names}
    points = {
        "point": arrays.to_binary(scaling.points(values)),
        "ranks": arrays.to_binary(as_ranks(scaling.ranks(values))),
    }
    return pa.table(others | points)


def value_names(scaling: Scaling) -> list[str]:
    """Return the column names of ``scaling.features`` in the result of ``prepare_tracks``: ["x0", "x1", ...]."""
    return [f"x{index}" for index in range(len(scaling.features))]


def _is_candidate(options: SimilarityOptions) -> Column:
    condition = F.lit(True)
    if options.same_genre:
        condition &= F.col("genre").isNotNull()
    if options.min_popularity is not None:
        condition &= F.coalesce(F.col("popularity") >= options.min_popularity, F.lit(False))
    if not options.outliers:
        condition &= ~F.col("is_outlier")
    return condition


def _hash_code(key: Column) -> Column:
    # 63 bits: with 10^8 distinct values the probability of any collision is about 1 in 2000
    return F.xxhash64(key).bitwiseAND(F.lit(0x7FFFFFFFFFFFFFFF))
