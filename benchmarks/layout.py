"""Compare layouts of a large table ``labeled_tracks`` by the cost of typical reads and of an update.

    make bench BENCH=layout ARGS="--tracks 1000000"

A layout is a way to sort, partition or cluster the files of a Delta table. The tracks are synthetic, with ten clusters.
There are three kinds of reads, of five columns each: the tracks of one cluster, the tracks of one artist, and eleven
tracks by id. Seconds of reads are medians: of Spark in a warm session, and of deltalake including the time to open the
table. The update is a MERGE that changes the label of one track in a hundred.
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
from common import BUILD, JsonLines, progress
from delta.tables import DeltaTable as SparkTable
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue.synthetic import synthetic_tracks

COLUMNS = ["title", "artist", "genre", "year", "cluster"]
Filters = dict[str, list[tuple[str, ds.Expression]]]
"""Filters by kind of read: ``{"one cluster": [("cluster = 3", <the same as an Arrow expression>), …], …}``."""


@dataclass(frozen=True)
class Layout:
    """A way to write a Delta table.

    ``ordered(rows, n_files)`` repartitions the rows before the write. ``clustered_by`` has the columns for liquid
    clustering.
    """

    name: str
    ordered: Callable[[DataFrame, int], DataFrame] = lambda rows, n_files: rows
    clustered_by: Sequence[str] = ()
    partitioned_by: Sequence[str] = ()


@dataclass(frozen=True)
class ReadValues:
    """The values to filter by in one round of reads: a cluster, an artist, and track ids."""

    cluster: int
    artist: str
    track_ids: list[str]


LAYOUTS = (
    Layout("as ingested"),
    Layout("ranges of track_id", lambda rows, n_files: rows.repartitionByRange(n_files, "track_id")),
    Layout("ranges of artist", lambda rows, n_files: rows.repartitionByRange(n_files, "artist")),
    Layout("partitioned by cluster", lambda rows, n_files: rows.repartition("cluster"), partitioned_by=["cluster"]),
    Layout("liquid by cluster", clustered_by=["cluster"]),
    Layout("liquid by cluster and artist", clustered_by=["cluster", "artist"]),
)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = common.argument_parser(__doc__)
    parser.add_argument("--tracks", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=7, help="of every read, each with another value")
    parser.add_argument("--rows-a-file", type=int, default=250_000, help="for layouts that set the number of files")
    parser.add_argument("--folder", type=Path, default=BUILD / "layout", help="emptied first, removed at the end")
    return parser.parse_args(argv)


def labeled_tracks(spark: SparkSession, n_tracks: int) -> DataFrame:
    """Return synthetic tracks with the column ``cluster``, hash-partitioned by track id like after an ingest."""
    cluster = (F.floor(F.col("acousticness") * 4.999) * 2 + (F.col("bpm") > 120).cast("int")).cast("int")
    return synthetic_tracks(spark, n_tracks).withColumn("cluster", cluster).repartition("track_id")


def write_table(rows: DataFrame, layout: Layout, path: Path, n_files: int) -> float:
    """Write a table with one of the layouts; return the seconds."""
    started, ordered = time.monotonic(), layout.ordered(rows, n_files)
    if layout.clustered_by:
        # clusterBy of DataFrameWriterV2 becomes a partitioning, which Delta refuses
        builder = SparkTable.create(rows.sparkSession).location(str(path)).addColumns(rows.schema)
        table = builder.clusterBy(*layout.clustered_by).execute()
        ordered.write.format("delta").mode("append").save(str(path))
        table.optimize().executeCompaction()
    else:
        ordered.write.format("delta").partitionBy(*layout.partitioned_by).save(str(path))
    return time.monotonic() - started


def read_filters(values: Sequence[ReadValues]) -> Filters:
    """Return the filters of each kind of read, one for each of ``values``."""
    return {
        "one cluster": [(f"cluster = {row.cluster}", ds.field("cluster") == row.cluster) for row in values],
        "one artist": [
            ("artist = '" + row.artist.replace("'", "\\'") + "'", ds.field("artist") == row.artist) for row in values
        ],
        "eleven tracks": [
            (f"track_id IN ({', '.join(map(repr, row.track_ids))})", ds.field("track_id").isin(row.track_ids))
            for row in values
        ],
    }


def time_call(call: Callable[[], Any]) -> float:
    """Call a function; return the seconds."""
    started = time.monotonic()
    call()
    return time.monotonic() - started


def time_reads(spark: SparkSession, path: Path, filters_by_kind: Filters) -> dict[str, Any]:
    """Time all reads; return medians by kind of read.

    For example ``{"one cluster": {"spark_seconds": 0.3, "deltalake_seconds": 0.1, "files": 2}, …}``. ``files`` is the
    number of files read.
    """

    def read_by_spark(where: str) -> None:
        spark.read.format("delta").load(str(path)).where(where).select(*COLUMNS).toArrow()

    def read_by_arrow(where: ds.Expression) -> None:
        DeltaTable(str(path)).to_pyarrow_dataset().to_table(columns=COLUMNS, filter=where)

    def count_files(where: ds.Expression) -> int:
        return sum(1 for _ in DeltaTable(str(path)).to_pyarrow_dataset().get_fragments(filter=where))

    costs = {}
    for kind, filters in filters_by_kind.items():
        read_by_spark(filters[0][0])  # the first read of a kind includes code generation
        costs[kind] = {
            "spark_seconds": round(median(time_call(lambda q=sql: read_by_spark(q)) for sql, _ in filters), 3),
            "deltalake_seconds": round(median(time_call(lambda q=arrow: read_by_arrow(q)) for _, arrow in filters), 3),
            "files": median(count_files(arrow) for _, arrow in filters),
        }
    return costs


def time_update(spark: SparkSession, path: Path, rows: DataFrame) -> dict[str, Any]:
    """Change the label of one track in a hundred by a MERGE; return its seconds and the bytes added to the folder."""
    bytes_before = common.folder_bytes(path)
    changed = rows.where("pmod(hash(track_id), 100) = 0").withColumn("cluster", F.col("cluster") + 1)
    table = SparkTable.forPath(spark, str(path)).alias("old")
    merge = table.merge(changed.alias("new"), "old.track_id = new.track_id").whenMatchedUpdateAll()
    seconds = time_call(merge.execute)
    return {"seconds": round(seconds, 2), "bytes": common.folder_bytes(path) - bytes_before}


def run(
    spark: SparkSession,
    args: argparse.Namespace,
    *,
    layouts: Sequence[Layout] = LAYOUTS,
    catalogue: Callable[[SparkSession, int], DataFrame] = labeled_tracks,
) -> None:
    """Write, read and update a table in every layout, and write the costs as JSON lines."""
    lines, run_info = JsonLines(args.out), common.machine_info()
    shutil.rmtree(args.folder, ignore_errors=True)
    args.folder.mkdir(parents=True)
    catalogue(spark, args.tracks).write.parquet(str(args.folder / "rows"))
    rows = spark.read.parquet(str(args.folder / "rows"))
    n_files = -(-args.tracks // args.rows_a_file)
    # for each repeat a cluster, an artist, and eleven unrelated tracks
    sample = rows.orderBy(F.xxhash64("track_id")).limit(args.repeats * 11).collect()
    groups = [sample[i :: args.repeats] for i in range(args.repeats)]
    values = [ReadValues(group[0].cluster, group[0].artist, [row.track_id for row in group]) for group in groups]
    for layout in layouts:
        path = args.folder / layout.name.replace(" ", "_")
        seconds = write_table(rows, layout, path, n_files)
        table = DeltaTable(str(path))
        costs = {
            "write_seconds": round(seconds, 2),
            "files": len(table.file_uris()),
            "bytes": sum(table.get_add_actions(flatten=True).column("size_bytes").to_pylist()),
            "reads": time_reads(spark, path, read_filters(values)),
            "update": time_update(spark, path, rows),
        }
        progress(f"{layout.name}: {costs}")
        lines.write(layout=layout.name, tracks=args.tracks, **costs)
        shutil.rmtree(path)
    lines.write(summary="layout", tracks=args.tracks, repeats=args.repeats, **run_info)
    shutil.rmtree(args.folder)


def main() -> None:
    """Run the benchmark from the command line."""
    args = parse_args()
    run(common.start_session("layout", args.driver_memory), args)


if __name__ == "__main__":
    main()
