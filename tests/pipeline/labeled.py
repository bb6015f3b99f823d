"""Provide labeled tracks without a training."""

from pyspark.sql import functions as F

from segue import schema
from segue.storage.store import Store
from segue.synthetic import as_table_rows, synthetic_tracks


def labeled_tracks(spark):
    """Return 150 tracks with labels of three clusters."""
    tracks = as_table_rows(synthetic_tracks(spark, 150, seed=5))
    cluster = (F.pmod(F.xxhash64("track_id"), F.lit(3)) + 1).cast("int")
    return (
        tracks.withColumns(
            {
                "model_version": F.lit("m1"),
                "imputed": F.array().cast("array<string>"),
                "cluster": cluster,
                "cluster_name": F.concat(F.lit("Cluster "), cluster),
                "cluster_description": F.lit("loud"),
                "distance": F.lit(1.0),
                "second_cluster": F.lit(1),
                "silhouette": F.lit(0.5),
                "is_outlier": F.lit(False),
            }
        )
        .select(*schema.LABELED_TRACKS.names)
        .cache()
    )


def stored(spark, root, labeled):
    """Write labeled_tracks to a folder and return the folder."""
    Store(spark, str(root)).sync(schema.LABELED_TRACKS, labeled, remove_missing=True)
    return root
