"""What a later delivery changes: tracks of this run against the tracks that are stored.

A row that says something new of a track replaces it: the later delivery corrects the earlier, and what it leaves open
stays. A row that says the same, but for its genre and its file, changes nothing except that its genres join ``genres``.
Where no delivery has said what a track is called, its id stands for the title, and nothing for the artist.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segue import schema

_OF_THE_FILE = ("genre", "genres", "source_file")
_CONTENT = [name for name in schema.TRACKS.names if name not in ("track_id", *_OF_THE_FILE)]


def named(tracks: DataFrame) -> DataFrame:
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
        return named(delivered).withColumn("change", F.lit("added"))
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
    return named(joined.select(*columns.values(), change.alias("change")))
