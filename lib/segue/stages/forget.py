"""Tracks that are gone leave the lists that were made with them."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue import schema
from segue.job import Run


def forget_gone(run: Run, labeled: DataFrame) -> None:
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
