"""Convert synthetic tracks to text rows like those of the Kaggle file of 2,000 tracks; write rows to one CSV file."""

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
"""Kinds of faults. One of the first 200 rows has the first kind, one of the next 200 the second, and so on in turn."""
ROWS_PER_FAULT = 200
"""Number of rows with one faulty row among them."""


def synthetic_kaggle_rows(
    spark: SparkSession, n_tracks: int, *, seed: int = 0, partitions: int | None = None
) -> DataFrame:
    """Return the tracks of ``synthetic_tracks`` as text rows, in the format of the Kaggle file of 2,000 tracks.

    Numbers are rounded to integers. Fractions are percentages. Durations are seconds with a comma before the last
    three digits: "1,204".

    One of every 200 rows (``ROWS_PER_FAULT``), at a random position, has a fault. The faults, in turn: a letter after
    the acousticness, 0 bpm, a valence over 100, an empty title, a copy of the preceding row in place of the row. The
    last rows, if fewer than 200, may have none.

    Parameters
    ----------
    spark : the session of the DataFrame
    n_tracks : number of rows
    seed : another seed gives other tracks, and faults in other rows
    partitions : number of partitions; by default one for every 250,000 rows

    Returns
    -------
    DataFrame
        The string columns ``KAGGLE_HEADER``, in the order of ``Index``.
    """
    lines = _with_fault(numbered_rows(spark, n_tracks, partitions).withColumnRenamed("row_id", "line_id"), seed)
    is_copy = F.col("fault") == "duplicate"
    rows = lines.withColumn("row_id", F.col("line_id") - F.when(is_copy, 1).otherwise(0))
    texts = _valid_texts() | _texts_with_faults()
    return with_tracks(rows, seed).select(*(texts[name].alias(name) for name in KAGGLE_HEADER))


def _with_fault(lines: DataFrame, seed: int) -> DataFrame:
    """Add the column ``fault``: one of ``FAULTS``, or null for a line without a fault.

    One of the first ``ROWS_PER_FAULT`` lines has the first kind of fault, one of the next ``ROWS_PER_FAULT`` lines has
    the second, and so on in turn.
    """
    block = F.floor(F.col("line_id") / ROWS_PER_FAULT)
    # never the first line of a block: a duplicate would copy the last line of the block before, which may have a fault
    position = F.lit(1) + below(ROWS_PER_FAULT - 1, seed, "fault", block)
    kind = choice(FAULTS, block % len(FAULTS))
    return lines.withColumn("fault", F.when(F.col("line_id") % ROWS_PER_FAULT == position, kind))


def _valid_texts() -> dict[str, Column]:
    """Return the columns of the Kaggle file, without faults, as text: ``{"Energy": Column, …}``."""

    def integer(name: str, times: int = 1) -> Column:
        return F.rint(F.col(name) * times).cast("int").cast("string")

    return {
        "Index": (F.col("row_id") + 1).cast("string"),
        "Title": F.col("title"),
        "Artist": F.col("artist"),
        "Top Genre": F.col("genre"),
        "Year": F.col("year").cast("string"),
        "Beats Per Minute (BPM)": integer("bpm"),
        "Energy": integer("energy", 100),
        "Danceability": integer("danceability", 100),
        "Loudness (dB)": integer("loudness"),
        "Liveness": integer("liveness", 100),
        "Valence": integer("valence", 100),
        "Length (Duration)": F.format_number(F.rint(F.col("duration_s")), 0),
        "Acousticness": integer("acousticness", 100),
        "Speechiness": integer("speechiness", 100),
        "Popularity": integer("popularity"),
    }


def _texts_with_faults() -> dict[str, Column]:
    """Return the columns of the Kaggle file that can have a fault, as text: ``{"Title": Column, …}``.

    Each column has one kind of fault, in the rows where ``fault`` is this kind: "Title" is empty for "no_title".
    """
    valid = _valid_texts()

    def with_fault(name: str, fault: str, text: Column) -> Column:
        return F.when(F.col("fault") == fault, text).otherwise(valid[name])

    return {
        "Acousticness": with_fault("Acousticness", "letter", F.concat(valid["Acousticness"], F.lit("f"))),
        "Beats Per Minute (BPM)": with_fault("Beats Per Minute (BPM)", "no_tempo", F.lit("0")),
        "Valence": with_fault("Valence", "over_100", (valid["Valence"].cast("int") + 101).cast("string")),
        "Title": with_fault("Title", "no_title", F.lit("")),
    }


def write_csv(rows: DataFrame, path: Path) -> int:
    """Write a DataFrame to one CSV file on the driver; return the number of rows. Runs a Spark job per partition.

    The file is in UTF-8 with a byte order mark, like the Kaggle file. Values are quoted only if needed. The file is
    written under a temporary name and then renamed, so a failed write leaves an earlier file unchanged.
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
