"""Cluster the tracks of a file, and print a description of each cluster and the tracks most similar to one track.

    python examples/cluster_a_file.py catalogue.csv

Nothing is written. Needs Java and Delta's jars, as ``make setup`` installs them.
"""

import sys

from pyspark.sql import functions as F

import segue


def main(path: str) -> None:
    """Read the file at ``path``, cluster its tracks, and print the clusters and the neighbours of the first track."""
    spark = segue.spark_session("example")
    tracks, rejected = segue.read_tracks(spark, path)
    tracks = tracks.cache()
    print(f"{tracks.count()} tracks, {rejected.count()} rejected rows")

    clusters = segue.fit_clusters(tracks, ks=range(2, 13))
    print(clusters.scores[["k", "silhouette", "inertia", "chosen"]].to_string(index=False))
    print(clusters.profiles[["cluster", "n_tracks", "cluster_description"]].to_string(index=False))

    labeled = clusters.transform(tracks).cache()
    first = labeled.orderBy("track_id").first()
    similar = segue.similar_tracks(labeled).where(F.col("track_id") == first.track_id)
    nearest = similar.select(F.explode("similar").alias("near")).select("near.*")
    print(f"Most similar to {first.title} by {first.artist or 'an unknown artist'}:")
    nearest.join(labeled.select("track_id", "title", "artist"), "track_id").orderBy("distance").show(truncate=False)
    labeled.unpersist()
    tracks.unpersist()


if __name__ == "__main__":
    main(sys.argv[1])
