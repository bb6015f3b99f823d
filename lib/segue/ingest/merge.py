"""Duplicates: of the judged rows each becomes a track or a rejected track, exactly one of them."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from segue import schema


def with_status(judged: DataFrame) -> DataFrame:
    """Return the rows with ``standing``: ``track`` (the row that stays), ``duplicate`` or ``invalid``.

    Of several rows for one track one with a title and an artist stays, then the one with the highest popularity, then
    the smallest row hash. ``genres`` becomes every genre that the valid rows give for the track, sorted; ``raw`` stays
    with the rows that become none.

    Parameters
    ----------
    judged : columns as ``sources.read.ROWS``
    """
    valid = F.size("reasons") == 0
    # invalid rows have no track to stand for: each goes its own way, lest all meet in one task
    whose = F.when(valid, F.col("track_id")).otherwise(F.col("row_hash"))
    of_track = Window.partitionBy(valid, whose)
    # a file may have no column for titles, or for artists
    nameless = F.col("title").isNull(), F.col("artist").isNull()
    first = of_track.orderBy(*nameless, F.col("popularity").desc_nulls_last(), "row_hash", "source_file")
    place = F.row_number().over(first)
    standing = F.when(~valid, "invalid").when(place == 1, "track").otherwise("duplicate")
    together = F.array_sort(F.array_distinct(F.flatten(F.collect_list("genres").over(of_track))))
    # of a row that becomes a track nobody asks for the text
    raw = F.when(standing != "track", F.col("raw"))
    return judged.withColumns({"standing": standing, "genres": together, "raw": raw})


def keep_tracks(standing: DataFrame) -> DataFrame:
    """Return the rows that stay, as the columns of ``tracks``."""
    return standing.where("standing = 'track'").select(*schema.TRACKS.names)


def keep_rejected(standing: DataFrame) -> DataFrame:
    """Return the other rows, as the columns of ``rejected_tracks``."""
    alike = Window.partitionBy("source_file", "row_hash").orderBy("standing")
    duplicate = F.array(F.concat(F.lit("duplicate of "), F.col("track_id")))
    return standing.where("standing != 'track'").select(
        "source_file",
        "row_hash",
        F.row_number().over(alike).alias("occurrence"),
        F.col("standing").alias("kind"),
        "raw",
        F.when(F.col("standing") == "duplicate", duplicate).otherwise(F.col("reasons")).alias("reasons"),
    )


_FILE_COLUMNS = ("genre", "genres", "source_file")
_CONTENT = [name for name in schema.TRACKS.names if name not in ("track_id", *_FILE_COLUMNS)]


def with_placeholder_names(tracks: DataFrame) -> DataFrame:
    """Return tracks with what stands for a title, and for an artist, that nobody has said."""
    return tracks.withColumns(
        {"title": F.coalesce("title", "track_id"), "artist": F.coalesce(F.col("artist"), F.lit(""))}
    )


def with_change(delivered: DataFrame, stored: DataFrame | None) -> DataFrame:
    """Return the delivered tracks as they are to be stored, with ``change``: added, updated or unchanged.

    Parameters
    ----------
    delivered, stored : columns of ``tracks``, one row per track_id; nothing stored is None
    """
    if stored is None:
        return with_placeholder_names(delivered).withColumn("change", F.lit("added"))
    old = stored.select(F.struct(*schema.TRACKS.names).alias("old"))
    joined = delivered.join(old, F.col("track_id") == F.col("old.track_id"), "left")
    content = {name: F.coalesce(name, f"old.{name}") for name in _CONTENT}
    says_the_same = F.lit(True)
    for name, value in content.items():
        says_the_same &= value.eqNullSafe(F.col(f"old.{name}"))
    genres = F.array_sort(F.array_union("genres", F.coalesce("old.genres", F.array().cast("array<string>"))))
    known = F.col("old.track_id").isNotNull()

    def kept(name: str) -> Column:
        return F.when(known & says_the_same, F.col(f"old.{name}")).otherwise(F.col(name)).alias(name)

    change = (
        F.when(~known, "added")
        .when(says_the_same & (F.size(genres) == F.size("old.genres")), "unchanged")
        .otherwise("updated")
    )
    columns = {name: content.get(name, F.col(name)).alias(name) for name in schema.TRACKS.names} | {
        "genre": kept("genre"),
        "source_file": kept("source_file"),
        "genres": genres.alias("genres"),
    }
    return with_placeholder_names(joined.select(*columns.values(), change.alias("change")))
