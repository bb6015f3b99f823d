"""Write a CSV of 1,500 tracks in six clusters, for the tests of killed and concurrent runs."""

from pathlib import Path

import numpy as np

ALL = range(1500)
HEADER = "id,name,artists,tempo,loudness,liveness,valence,acousticness,speechiness,energy,danceability,genre,popularity"


def write_catalogue(path: Path, numbers: range = ALL, *, seed: int = 7) -> Path:
    """Write a track for each of ``numbers``, around six fixed centres, and return the path.

    ``seed`` changes only the features of the tracks. One track in 400 has an invalid tempo and is rejected.
    """
    centres = np.random.default_rng(7).random((6, 8))
    random = np.random.default_rng(seed)
    lines = [HEADER]
    for number in numbers:
        x = np.clip(centres[number % 6] + random.normal(0, 0.06, 8), 0.001, 0.999)
        tempo = "fast" if number % 400 == 3 else f"{60 + 140 * x[0]:.3f}"
        features = ",".join(f"{value:.4f}" for value in x[2:])
        genre = ("rock", "pop", "jazz")[number % 3]
        fields = [f"x{number}y", f"Song {number}", f"Artist {number % 97}", tempo, f"{-60 * x[1]:.3f}", features, genre]
        lines.append(",".join([*fields, str(number % 100)]))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path
