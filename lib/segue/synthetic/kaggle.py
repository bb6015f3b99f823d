"""The synthetic tracks as rows of the Kaggle 2,000 set, a known few of them broken, and as one CSV file."""

import csv
import os
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from segue.synthetic.draws import below, choice
from segue.synthetic.tracks import numbered_rows, with_tracks

KAGGLE_HEADER = (
    "Index", "Title", "Artist", "Top Genre", "Year", "Beats Per Minute (BPM)", "Energy", "Danceability",
    "Loudness (dB)", "Liveness", "Valence", "Length (Duration)", "Acousticness", "Speechiness", "Popularity",
)  # fmt: skip
FAULTS = ("letter", "no_tempo", "over_100", "no_title", "duplicate")
ROWS_PER_FAULT = 200


def synthetic_kaggle_rows(
    spark: SparkSession, n_tracks: int, *, seed: int = 0, partitions: int | None = None
) -> DataFrame:
    """Return ``n_tracks`` rows of text in the Kaggle set's columns and units, in the order of ``Index``.

    They are the tracks of ``synthetic_tracks`` in whole numbers (fractions as 0 to 100, seconds with a comma
    before the last three digits), with one fault in each full run of ``ROWS_PER_FAULT`` rows, at a place
    that depends on the seed. ``FAULTS`` take turns: a letter behind the acousticness, 0 bpm, a valence over
    100, an empty title, the row before once more (so its own track, and its index, are missing).
    """
    lines = _with_fault(numbered_rows(spark, n_tracks, partitions).withColumnRenamed("row_id", "line_id"), seed)
    is_copy = F.col("fault") == "duplicate"
    rows = lines.withColumn("row_id", F.col("line_id") - F.when(is_copy, 1).otherwise(0))
    texts = _clean_texts() | _broken_texts()
    return with_tracks(rows, seed).select(*(texts[name].alias(name) for name in KAGGLE_HEADER))


def _with_fault(lines: DataFrame, seed: int) -> DataFrame:
    """Name the fault of each line, or null. Counted out, not drawn: even a small file has every kind."""
    run = F.floor(F.col("line_id") / ROWS_PER_FAULT)
    # Never the first line of a run: the line before a duplicate must be a whole one of the same run.
    place = F.lit(1) + below(ROWS_PER_FAULT - 1, seed, "fault", run)
    kind = choice(FAULTS, run % len(FAULTS))
    return lines.withColumn("fault", F.when(F.col("line_id") % ROWS_PER_FAULT == place, kind))


def _clean_texts() -> dict[str, Column]:
    def whole(name: str, times: int = 1) -> Column:
        return F.rint(F.col(name) * times).cast("int").cast("string")

    return {
        "Index": (F.col("row_id") + 1).cast("string"),
        "Title": F.col("title"),
        "Artist": F.col("artist"),
        "Top Genre": F.col("genre"),
        "Year": F.col("year").cast("string"),
        "Beats Per Minute (BPM)": whole("bpm"),
        "Energy": whole("energy", 100),
        "Danceability": whole("danceability", 100),
        "Loudness (dB)": whole("loudness"),
        "Liveness": whole("liveness", 100),
        "Valence": whole("valence", 100),
        "Length (Duration)": F.format_number(F.rint(F.col("duration_s")), 0),
        "Acousticness": whole("acousticness", 100),
        "Speechiness": whole("speechiness", 100),
        "Popularity": whole("popularity"),
    }


def _broken_texts() -> dict[str, Column]:
    """Return the columns that a fault may spoil, each as it is where its fault is not."""
    clean, fault = _clean_texts(), F.col("fault")

    def spoilt(name: str, by: str, text: Column) -> Column:
        return F.when(fault == by, text).otherwise(clean[name])

    return {
        "Acousticness": spoilt("Acousticness", "letter", F.concat(clean["Acousticness"], F.lit("f"))),
        "Beats Per Minute (BPM)": spoilt("Beats Per Minute (BPM)", "no_tempo", F.lit("0")),
        "Valence": spoilt("Valence", "over_100", (clean["Valence"].cast("int") + 101).cast("string")),
        "Title": spoilt("Title", "no_title", F.lit("")),
    }


def write_csv(rows: DataFrame, path: Path) -> int:
    """Write ``rows`` as one file on the driver, streamed and in their order; return how many there were.

    UTF-8 with a byte order mark as the Kaggle file, and quotes only where needed. The file appears under its
    name when it is whole, and replaces what stood there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    n_rows = 0
    try:
        with unfinished.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(rows.columns)
            for row in rows.toLocalIterator(prefetchPartitions=True):
                writer.writerow(row)
                n_rows += 1
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return n_rows
