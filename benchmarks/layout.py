"""Which layout suits a large ``labeled_tracks``: what people's reads and a night's change cost with each.

    make bench BENCH=layout ARGS="--tracks 1000000"

The tracks are synthetic, their ten clusters cut out of two features. The reads: all tracks of one cluster (five of its
columns), all of one artist, eleven tracks by their ids (a track and its list). Spark's seconds are medians in a warm
session; deltalake's are of a reader that opens the table anew. The change: one track in a hundred gets another label.
"""

import argparse
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import common
import pyarrow.dataset as ds
from common import BUILD, Lines, progress
from delta.tables import DeltaTable as SparkTable
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue.synthetic import synthetic_tracks

COLUMNS = ["title", "artist", "genre", "year", "cluster"]


@dataclass(frozen=True)
class Layout:
    """A way to write a table."""

    name: str
    ordered: Callable[[DataFrame, int], DataFrame] = lambda rows, files: rows
    clustered: Sequence[str] = ()
    partitioned: Sequence[str] = ()


@dataclass(frozen=True)
class Wanted:
    """What one round of reads asks for."""

    cluster: int
    artist: str
    ids: list[str]


LAYOUTS = (
    Layout("as it comes"),
    Layout("ranges of track_id", lambda rows, files: rows.repartitionByRange(files, "track_id")),
    Layout("ranges of artist", lambda rows, files: rows.repartitionByRange(files, "artist")),
    Layout("partitioned by cluster", lambda rows, files: rows.repartition("cluster"), partitioned=["cluster"]),
    Layout("liquid by cluster", clustered=["cluster"]),
    Layout("liquid by cluster and artist", clustered=["cluster", "artist"]),
)


def options(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("--tracks", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=7, help="of every read, each for another value")
    parser.add_argument("--rows-a-file", type=int, default=250_000, help="of the layouts that say how many files")
    parser.add_argument("--folder", type=Path, default=BUILD / "layout", help="made afresh, then removed")
    return parser.parse_args(words)


def labeled(spark: SparkSession, n_tracks: int) -> DataFrame:
    """Return tracks with a label, in an order that is none, as they come from the shuffles of an ingest."""
    cluster = (F.floor(F.col("acousticness") * 4.999) * 2 + (F.col("bpm") > 120).cast("int")).cast("int")
    return synthetic_tracks(spark, n_tracks).withColumn("cluster", cluster).repartition("track_id")


def write(rows: DataFrame, layout: Layout, path: Path, n_files: int) -> float:
    """Write a table in a layout; return the seconds."""
    begun, ordered = time.monotonic(), layout.ordered(rows, n_files)
    if layout.clustered:
        # writeTo cannot say so: its clusterBy becomes a partitioning, which Delta refuses
        builder = SparkTable.create(rows.sparkSession).location(str(path)).addColumns(rows.schema)
        table = builder.clusterBy(*layout.clustered).execute()
        ordered.write.format("delta").mode("append").save(str(path))
        table.optimize().executeCompaction()
    else:
        ordered.write.format("delta").partitionBy(*layout.partitioned).save(str(path))
    return time.monotonic() - begun


def reads(values: Sequence[Wanted]) -> dict[str, list[tuple[str, ds.Expression]]]:
    """Return the filters of each kind of read, for Spark and for Arrow, one for each value."""
    return {
        "one cluster": [(f"cluster = {row.cluster}", ds.field("cluster") == row.cluster) for row in values],
        "one artist": [
            ("artist = '" + row.artist.replace("'", "\\'") + "'", ds.field("artist") == row.artist) for row in values
        ],
        "eleven tracks": [
            (f"track_id IN ({', '.join(map(repr, row.ids))})", ds.field("track_id").isin(row.ids)) for row in values
        ],
    }


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that something takes."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def measured(spark: SparkSession, path: Path, wanted: dict[str, list[tuple[str, ds.Expression]]]) -> dict[str, Any]:
    """Return what every kind of read costs: seconds of Spark, seconds of deltalake, and files that are opened."""

    def by_spark(where: str) -> None:
        spark.read.format("delta").load(str(path)).where(where).select(*COLUMNS).toArrow()

    def by_arrow(where: ds.Expression) -> None:
        DeltaTable(str(path)).to_pyarrow_dataset().to_table(columns=COLUMNS, filter=where)

    def files(where: ds.Expression) -> int:
        return sum(1 for _ in DeltaTable(str(path)).to_pyarrow_dataset().get_fragments(filter=where))

    found = {}
    for kind, filters in wanted.items():
        by_spark(filters[0][0])  # what the first read compiles is not the layout's fault
        found[kind] = {
            "spark_seconds": round(median(timed(lambda q=sql: by_spark(q)) for sql, _ in filters), 3),
            "deltalake_seconds": round(median(timed(lambda q=arrow: by_arrow(q)) for _, arrow in filters), 3),
            "files": median(files(arrow) for _, arrow in filters),
        }
    return found


def night(spark: SparkSession, path: Path, rows: DataFrame) -> dict[str, Any]:
    """Give one track in a hundred another label by a MERGE; return its seconds and the bytes it wrote."""
    before = common.folder_bytes(path)
    changed = rows.where("pmod(hash(track_id), 100) = 0").withColumn("cluster", F.col("cluster") + 1)
    table = SparkTable.forPath(spark, str(path)).alias("old")
    merge = table.merge(changed.alias("new"), "old.track_id = new.track_id").whenMatchedUpdateAll()
    seconds = timed(merge.execute)
    return {"seconds": round(seconds, 2), "bytes": common.folder_bytes(path) - before}


def work(spark: SparkSession, chosen: argparse.Namespace) -> None:
    """Measure every layout."""
    lines, about = Lines(chosen.out), common.machine()
    shutil.rmtree(chosen.folder, ignore_errors=True)
    chosen.folder.mkdir(parents=True)
    labeled(spark, chosen.tracks).write.parquet(str(chosen.folder / "rows"))
    rows = spark.read.parquet(str(chosen.folder / "rows"))
    n_files = -(-chosen.tracks // chosen.rows_a_file)
    # each a cluster, an artist, and tracks that have nothing in common
    sampled = rows.orderBy(F.xxhash64("track_id")).limit(chosen.repeats * 11).collect()
    groups = [sampled[i :: chosen.repeats] for i in range(chosen.repeats)]
    values = [Wanted(group[0].cluster, group[0].artist, [row.track_id for row in group]) for group in groups]
    for layout in LAYOUTS:
        path = chosen.folder / layout.name.replace(" ", "_")
        seconds = write(rows, layout, path, n_files)
        stored = DeltaTable(str(path))
        told = {
            "write_seconds": round(seconds, 2),
            "files": len(stored.file_uris()),
            "bytes": sum(stored.get_add_actions(flatten=True).column("size_bytes").to_pylist()),
            "reads": measured(spark, path, reads(values)),
            "night": night(spark, path, rows),
        }
        progress(f"{layout.name}: {told}")
        lines.tell(layout=layout.name, tracks=chosen.tracks, **told)
        shutil.rmtree(path)
    lines.tell(summary="layout", tracks=chosen.tracks, repeats=chosen.repeats, **about)
    shutil.rmtree(chosen.folder)


if __name__ == "__main__":
    asked = options()
    work(common.started("layout", asked.driver_memory), asked)
