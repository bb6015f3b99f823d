"""Write N synthetic tracks as CSV, JSON lines or Parquet, with the column names of the Spotify API.

Arguments: FILE N. The ending of FILE selects the format.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from pyspark.sql import DataFrame

from segue.runtime import session
from segue.synthetic import synthetic_tracks

HEADERS = {"title": "track_name", "artist": "artists", "album": "album_name", "genre": "track_genre", "bpm": "tempo"}


def input_tracks(n_tracks: int) -> DataFrame:
    """Return synthetic tracks with the column names of the Spotify API."""
    return synthetic_tracks(session.spark_session("make_input"), n_tracks).withColumnsRenamed(HEADERS)


def write_text(path: Path, n_tracks: int) -> None:
    """Write synthetic tracks as one CSV or JSON lines file, by concatenating the parts written by Spark."""
    tracks = input_tracks(n_tracks)
    is_csv = path.suffix == ".csv"
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        parts = tracks.write.mode("overwrite")
        if is_csv:
            parts.csv(folder, escape='"')
        else:
            parts.json(folder)
        with path.open("wb") as target:
            if is_csv:
                target.write(",".join(tracks.columns).encode() + b"\n")
            for part in sorted(Path(folder).glob("part-*")):
                with part.open("rb") as stream:
                    shutil.copyfileobj(stream, target)


if __name__ == "__main__":
    path, n_tracks = Path(sys.argv[1]), int(sys.argv[2])
    if path.suffix == ".parquet":
        input_tracks(n_tracks).write.parquet(str(path))
    else:
        write_text(path, n_tracks)
    session.stop()
