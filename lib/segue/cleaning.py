"""Duplicates: of the judged rows each becomes a track or a rejected track, exactly one of them."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from segue import schema


def with_standing(judged: DataFrame) -> DataFrame:
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
