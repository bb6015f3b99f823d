"""Provide six tracks as rows of a CSV file."""

import csv
import io

HEADER = ["id", "name", "artists", "tempo", "loudness", "liveness", "valence", "acousticness", "speechiness", "genre"]


def track(number, *, name=None, artists="A", tempo=None, genre="rock", valence="0.5"):
    """Return the row of track ``number``, with the columns of ``HEADER``."""
    tempo = tempo if tempo is not None else str(90 + number)
    return [f"id{number}x", name or f"Song {number}", artists, tempo, "-7.5", "0.1", valence, "0.25", "0.05", genre]


ROWS = [track(n) for n in range(6)]


def as_csv(rows, delimiter=",", end="\n"):
    """Return the text of a CSV file with ``HEADER`` and some rows."""
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator=end).writerows([HEADER, *rows])
    return stream.getvalue()


PLAIN = [[f"id{n}x", f"Song {n}", "A", 90.0 + n, 0.5, "rock"] for n in range(6)]
"""The values of ``ROWS``: id, title, artist, bpm, valence, genre."""
