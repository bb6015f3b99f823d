"""Resolve duplicates among validated rows, and merge the delivered tracks (from the input) with the stored tracks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from segue import schema
from segue.core.spark_helpers import persisted
from segue.ingest.columns.column_rules import Reading, join_names
from segue.ingest.input_files import is_large, readable_errors
from segue.ingest.reader import InputRows

_FILE_COLUMNS = ("genre", "genres", "source_file")
_CONTENT = [name for name in schema.TRACKS.names if name not in ("track_id", *_FILE_COLUMNS)]
"""A stored track counts as updated if its value in any of these columns changes, or if its ``genres`` gain a genre."""
_MAX_REPEATED_IDS = 500_000
"""Maximum number of repeated track ids to broadcast, as hashes of 8 bytes; with more, all rows are shuffled."""


@contextmanager
def persisted_with_status(rows: InputRows) -> Iterator[tuple[DataFrame, Sequence[Reading]]]:
    """Context manager: yield the rows with the column ``status`` (``with_status``), and the Readings of their files.

    During the block, rows are persisted, so that later Spark jobs do not read the files again.

    For a small input, no Spark job runs here: the first job over the result reads the files and shuffles all rows.

    For a large input, one Spark job reads the files, persists the rows, and finds repeated track ids by their hashes.
    Later jobs shuffle only the rows with these ids, or all rows if more than ``_MAX_REPEATED_IDS`` ids are repeated.
    Rows that were read in a single pass are verified after this first job (``InputRows.verify``). If the rows are not
    right, the files are read again, which takes another such job.

    Parameters
    ----------
    rows : InputRows
        Validated rows, and their files.

    Raises
    ------
    InputError
        If a file of a large input cannot be read, or if ``rows.verify`` raises InputError.
    """
    if not is_large(rows.files):
        with persisted(with_status(rows.frame)) as statuses:
            yield statuses, rows.readings
        return
    is_valid = F.size("reasons") == 0
    with persisted(rows.frame) as read:
        hashes = read.where(is_valid).groupBy(F.xxhash64("track_id").alias("id_hash")).count()
        with persisted(hashes.where("count > 1").select("id_hash")) as repeated:
            with readable_errors(join_names(rows.files)):
                n_repeated = repeated.count()
            final = rows.verify() if rows.verify else rows
            if final.frame is rows.frame:
                if n_repeated > _MAX_REPEATED_IDS:
                    with persisted(with_status(read)) as statuses:
                        yield statuses, final.readings
                else:
                    yield _with_few_repeated(read, repeated), final.readings
                return
    with persisted_with_status(final) as result:
        yield result


def _with_few_repeated(rows: DataFrame, repeated: DataFrame) -> DataFrame:
    """Return the same as ``with_status``, but shuffle only the rows whose track ids have a hash in ``repeated``."""
    is_valid = F.size("reasons") == 0
    # null for an invalid row, which has no duplicates; with_status compares the ids themselves
    is_repeated = F.when(is_valid, F.xxhash64("track_id")) == F.col("id_hash")
    single = rows.join(F.broadcast(repeated), is_repeated, "left_anti")
    status = F.when(is_valid, "track").otherwise("invalid")
    singles = single.withColumns({"status": status, "raw": F.when(~is_valid, F.col("raw"))})
    return singles.unionByName(with_status(rows.join(F.broadcast(repeated), is_repeated, "left_semi")))


def with_status(rows: DataFrame) -> DataFrame:
    """Add the column ``status`` to rows: ``track``, ``duplicate`` or ``invalid``.

    Of the valid rows with the same track id, one row gets the status ``track``, and the others ``duplicate``. These
    criteria decide, in this order: the row has a title; it has an artist; it has the highest popularity; it has the
    smallest row hash; its file is the first by name. The row with the status ``track`` gets the sorted genres of all
    valid rows with its track id, and a null in the column ``raw``.

    Parameters
    ----------
    rows : DataFrame
        Validated rows, schema ``validation.VALIDATED_ROWS``.
    """
    is_valid = F.size("reasons") == 0
    # invalid rows have no track id: a null key would bring all of them to one task
    key = F.when(is_valid, F.col("track_id")).otherwise(F.col("row_hash"))
    same_track = Window.partitionBy(is_valid, key)
    unnamed = F.col("title").isNull(), F.col("artist").isNull()
    ranking = same_track.orderBy(*unnamed, F.col("popularity").desc_nulls_last(), "row_hash", "source_file")
    rank = F.row_number().over(ranking)
    status = F.when(~is_valid, "invalid").when(rank == 1, "track").otherwise("duplicate")
    genres = F.array_sort(F.array_distinct(F.flatten(F.collect_list("genres").over(same_track))))
    raw = F.when(status != "track", F.col("raw"))
    return rows.withColumns({"status": status, "genres": genres, "raw": raw})


def keep_tracks(rows: DataFrame) -> DataFrame:
    """Keep the rows with status ``track``, with the columns of the table ``tracks``."""
    return rows.where("status = 'track'").select(*schema.TRACKS.names)


def keep_rejected(rows: DataFrame) -> DataFrame:
    """Keep the rows with status ``duplicate`` or ``invalid``, with the columns of the table ``rejected_tracks``.

    Equal rows of a file have the same row hash; the column ``occurrence`` distinguishes them by the numbers 1, 2, ….
    """
    equal_rows = Window.partitionBy("source_file", "row_hash").orderBy("status")
    duplicate = F.array(F.concat(F.lit("duplicate of "), F.col("track_id")))
    return rows.where("status != 'track'").select(
        "source_file",
        "row_hash",
        F.row_number().over(equal_rows).alias("occurrence"),
        F.col("status").alias("kind"),
        "raw",
        F.when(F.col("status") == "duplicate", duplicate).otherwise(F.col("reasons")).alias("reasons"),
    )


def with_placeholder_titles(tracks: DataFrame) -> DataFrame:
    """Return the tracks with missing titles replaced by track ids."""
    return tracks.withColumn("title", F.coalesce("title", "track_id"))


def merge_with_stored(delivered: DataFrame, stored: DataFrame | None) -> DataFrame:
    """Merge each delivered track with the stored track of the same id; add the column ``change``.

    ``change`` is ``added``, ``updated`` or ``unchanged``. Every delivered value that is not null replaces the stored
    value; ``genres`` are united. ``genre`` and ``source_file`` are exceptions. They keep the stored value if no column
    other than ``genre``, ``genres`` and ``source_file`` changes; otherwise, they are replaced, even by null. A missing
    title is replaced by the track id. Only delivered tracks are returned.

    Parameters
    ----------
    delivered, stored : DataFrame
        Columns of the table ``tracks``, one row per track id. ``stored`` is None if no tracks are stored.
    """
    if stored is None:
        return with_placeholder_titles(delivered).withColumn("change", F.lit("added"))
    old = stored.select(F.struct(*schema.TRACKS.names).alias("old"))
    joined = delivered.join(old, F.col("track_id") == F.col("old.track_id"), "left")
    content = {name: F.coalesce(name, f"old.{name}") for name in _CONTENT}
    has_same_content = F.lit(True)
    for name, value in content.items():
        has_same_content &= value.eqNullSafe(F.col(f"old.{name}"))
    genres = F.array_sort(F.array_union("genres", F.coalesce("old.genres", F.array().cast("array<string>"))))
    is_stored = F.col("old.track_id").isNotNull()

    def from_last_change(name: str) -> Column:
        return F.when(is_stored & has_same_content, F.col(f"old.{name}")).otherwise(F.col(name)).alias(name)

    change = (
        F.when(~is_stored, "added")
        .when(has_same_content & (F.size(genres) == F.size("old.genres")), "unchanged")
        .otherwise("updated")
    )
    columns = {name: content.get(name, F.col(name)).alias(name) for name in schema.TRACKS.names} | {
        "genre": from_last_change("genre"),
        "source_file": from_last_change("source_file"),
        "genres": genres.alias("genres"),
    }
    return with_placeholder_titles(joined.select(*columns.values(), change.alias("change")))
