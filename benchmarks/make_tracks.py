"""Write the table ``tracks`` of N synthetic tracks below ROOT, as if they had been ingested. Arguments: ROOT N."""

import sys

from pyspark.sql import functions as F

from segue import schema, session
from segue.sample import synthetic_tracks
from segue.tables import Store

if __name__ == "__main__":
    root, n_tracks = sys.argv[1:]
    spark = session.start("make_tracks")
    made = synthetic_tracks(spark, int(n_tracks)).withColumns(
        {"genres": F.array("genre"), "source_file": F.lit("synthetic")}
    )
    Store(spark, root).sync(schema.TRACKS, made.select(*schema.TRACKS.names), whole=True)
    spark.stop()
