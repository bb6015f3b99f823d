"""Convert synthetic tracks to text rows of the Kaggle file of 2,000 tracks, some with a fault; write one CSV file."""

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
"""The kinds of faults, used in turn."""
ROWS_PER_FAULT = 200
"""Number of rows in a block; one row of each block has a fault."""


def synthetic_kaggle_rows(
    spark: SparkSession, n_tracks: int, *, seed: int = 0, partitions: int | None = None
) -> DataFrame:
    """Return the tracks of ``synthetic_tracks`` as text rows, in the format of the Kaggle file of 2,000 tracks.

    Numbers are rounded to integers, fractions are percentages, and durations are seconds with a comma before the last
    three digits.

    In every block of ``ROWS_PER_FAULT`` rows, one row at a random position has a fault; a shorter last block may have
    none. The blocks have these faults in turn: a letter after the acousticness, 0 bpm, a valence over 100, an empty
    title, and a copy of the preceding row in place of the row.

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
    """Add the column ``fault``: the kind of the line's fault, one of ``FAULTS``, or null for a line without fault.

    A block is ``ROWS_PER_FAULT`` successive lines; one line of each complete block has a fault. Successive blocks
    have the kinds in turn: the first block "letter", the second "no_tempo", and so on.
    """
    block = F.floor(F.col("line_id") / ROWS_PER_FAULT)
    # never the first line of a block: a duplicate would copy the last line of the block before, which may have a fault
    position = F.lit(1) + below(ROWS_PER_FAULT - 1, seed, "fault", block)
    kind = choice(FAULTS, block % len(FAULTS))
    return lines.withColumn("fault", F.when(F.col("line_id") % ROWS_PER_FAULT == position, kind))


def _valid_texts() -> dict[str, Column]:
    """Return the text Column of each column of the Kaggle file, without faults: a dict by the column's name."""

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
    """Return the text Column of each column that can have a fault: a dict by the column's name.

    The text is faulty in rows where the column ``fault`` has a certain kind, and valid in all other rows.
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

    The file is in UTF-8 with a byte order mark, like the Kaggle file; values are quoted only where needed. The file is
    written under a temporary name and then renamed to ``path``; a failed write leaves an earlier file unchanged.
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
