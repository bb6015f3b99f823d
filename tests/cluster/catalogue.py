"""A catalogue for runs that are disturbed."""

from pathlib import Path

import numpy as np

HEADER = "id,name,artists,tempo,loudness,liveness,valence,acousticness,speechiness,energy,danceability,genre,popularity"


def write_catalogue(path: Path) -> Path:
    """Write 1,500 tracks around six middles, some of them rejected, and return the path."""
    random = np.random.default_rng(7)
    middles = random.random((6, 8))
    lines = [HEADER]
    for number in range(1500):
        x = np.clip(middles[number % 6] + random.normal(0, 0.06, 8), 0.001, 0.999)
        tempo = "fast" if number % 400 == 3 else f"{60 + 140 * x[0]:.3f}"
        numbers = ",".join(f"{value:.4f}" for value in x[2:])
        genre = ("rock", "pop", "jazz")[number % 3]
        fields = [f"x{number}y", f"Song {number}", f"Artist {number % 97}", tempo, f"{-60 * x[1]:.3f}", numbers, genre]
        lines.append(",".join([*fields, str(number % 100)]))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path
