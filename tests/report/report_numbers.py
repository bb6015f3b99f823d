"""The numbers of a report, by hand: three clusters, thirty points, every section of the page."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from segue import schema
from segue.report import numbers

CLUSTERED = ("bpm", "loudness", "liveness", "valence", "acousticness", "speechiness")
ALL = (*schema.FEATURE_NAMES, "popularity", "year")
R = {
    ("energy", "loudness"): 0.72,
    ("energy", "acousticness"): -0.67,
    ("danceability", "valence"): 0.41,
    ("loudness", "acousticness"): -0.45,
    ("popularity", "loudness"): 0.18,
    ("year", "acousticness"): -0.36,
}
WORDS = ("loud, energetic", "calm, acoustic", "fast, danceable")
SIZES = (1200, 600, 200)
MEANS = {
    "bpm": (121.6, 96.0, 168.4),
    "loudness": (-6.2, -14.0, -8.5),
    "energy": (0.81, 0.24, 0.66),
    "danceability": (0.6, 0.4, 0.75),
    "liveness": (0.2, 0.1, 0.3),
    "valence": (0.5, 0.3, 0.8),
    "acousticness": (0.05, 0.87, 0.2),
    "speechiness": (0.06, 0.04, 0.1),
    "instrumentalness": (0.0, 0.2, 0.02),
    "duration_s": (205.0, 254.6, 180.0),
}
DEVIATIONS = {"bpm": (0.0, -1.25, 2.5), "energy": (1.0, -3.0, 0.2)}
YEARS = list(range(1960, 2020))


def full() -> numbers.ReportNumbers:
    """Return numbers for every section of the page."""
    return numbers.ReportNumbers(
        n_tracks=2000,
        n_outliers=12,
        silhouette=0.31,
        k_scores=[
            numbers.KScore(2, 0.35, 900.0),
            numbers.KScore(3, 0.31, 610.0),
            numbers.KScore(4, 0.28, 560.0),
            numbers.KScore(5, 0.24, 540.0),
        ],
        k=3,
        clusters=[cluster(number) for number in (1, 2, 3)],
        points=points(),
        projection=numbers.Projection(
            (0.42, 0.21),
            dict.fromkeys(CLUSTERED, (0.0, 0.0)) | {"acousticness": (0.9, 0.1), "bpm": (-0.3, 0.8)},
            [(-0.5, 0.0), (0.5, 0.1), (0.0, 0.6)],
        ),
        distributions=[distribution(name) for name in (*schema.FEATURE_NAMES, "popularity")],
        correlations=correlations(R),
        rejections=numbers.Rejections(
            {"invalid": 6, "duplicate": 4},
            [("bpm missing", 4), ("acousticness 'f' is not a number", 2)],
        ),
        provenance=provenance(),
        years=years(),
        genres=[("rock", 700), ("pop", 400), ("jazz", 90)],
        n_genres=14,
        artists=[("Queen", 37), ("Adele", 21)],
        n_artists=731,
        popularity=[
            numbers.Popularity(name, [60.0, 90.0, 120.0], [41.5, 50.0, 55.2], [100, 400, 225])
            for name in ("bpm", "year")
        ],
        agreement=numbers.Agreement(
            0.23, 0.118, 0.44, ["rock", "pop"], np.array([[0.5, 0.4, 0.1], [0.25, 0.0, 0.75]]), [700, 400]
        ),
        similar_tracks=similar(),
    )


def minimal() -> numbers.ReportNumbers:
    """Return the numbers of a catalogue without genre, year, artist, popularity and lists of similar tracks."""
    names = [name for name in ALL if name not in ("popularity", "year")]
    base = full()
    return replace(
        base,
        clusters=[
            replace(
                cluster, genres=[], artists=[], exemplars=[replace(track, artist="") for track in cluster.exemplars]
            )
            for cluster in base.clusters
        ],
        points=replace(base.points, tracks=[replace(track, artist="") for track in base.points.tracks]),
        distributions=[distribution(name) for name in schema.FEATURE_NAMES],
        correlations=correlations(R, names=names),
        years=None,
        genres=[],
        n_genres=0,
        artists=[],
        n_artists=0,
        popularity=[],
        agreement=None,
        similar_tracks=[],
    )


def correlations(
    r: Mapping[tuple[str, str], float], n: int = 2000, names: list[str] | tuple[str, ...] = ALL
) -> numbers.Correlations:
    """Return the correlations ``r``, 0 for all other pairs, each over ``n`` tracks."""
    matrix = np.eye(len(names))
    for (one, other), value in r.items():
        if one in names and other in names:
            i, j = names.index(one), names.index(other)
            matrix[i, j] = matrix[j, i] = value
    return numbers.Correlations(list(names), matrix, np.full(matrix.shape, n, dtype=np.int64))


def cluster(number: int) -> numbers.Cluster:
    index = number - 1
    return numbers.Cluster(
        number=number,
        description=WORDS[index],
        n_tracks=SIZES[index],
        share=SIZES[index] / 2000,
        silhouette=(0.41, 0.18, 0.07)[index],
        means={name: values[index] for name, values in MEANS.items()},
        deviations={name: values[index] for name, values in DEVIATIONS.items()},
        genres=[numbers.GenreShare("rock", 0.5, 1.43), numbers.GenreShare("pop", 0.251, 1.1)],
        artists=[("Queen", 20), ("Adele", 3)],
        exemplars=[track(10 * index + i) for i in range(3)],
    )


def track(number: int) -> numbers.TrackReference:
    return numbers.TrackReference(f"t{number}", f"Song {number}", f"Artist {number % 7}")


def points() -> numbers.Points:
    """Return ten tracks of each cluster, in turn."""
    count = np.arange(30.0)
    return numbers.Points(
        tracks=[track(number) for number in range(30)],
        cluster=[1 + number % 3 for number in range(30)],
        values={
            name: MEANS[name][0] + count if name in ("bpm", "duration_s") else MEANS[name][0] * (1 + count) / 30
            for name in schema.FEATURE_NAMES
        },
        x=np.cos(count) * (1 + count % 3),
        y=np.sin(count) * (1 + count % 3),
        n_tracks=2000,
    )


def distribution(name: str) -> numbers.Distribution:
    low, width = {"bpm": (60, 20), "loudness": (-20, 5), "duration_s": (120, 30), "popularity": (0, 25)}.get(
        name, (0.0, 0.25)
    )
    return numbers.Distribution(
        name=name,
        edges=[low + width * i for i in range(5)],
        counts=[100, 900, 800, 190],
        n_outside=10,
        n_missing=3 if name == "popularity" else 0,
        q1=low + width,
        median=low + 2 * width,
        q3=low + 3 * width,
    )


def years() -> numbers.Years:
    """Return five tracks of every year: acousticness falls, other means are constant, 1960 has no length."""
    means: dict[str, list[float | None]] = {name: [values[0]] * len(YEARS) for name, values in MEANS.items()}
    means["acousticness"] = [0.8 - 0.008 * (year - 1960) for year in YEARS]
    means["duration_s"][0] = None
    return numbers.Years(YEARS, [5] * len(YEARS), means)


def similar() -> list[numbers.SimilarTracks]:
    """Return twelve lists of ten similar tracks, and an empty list."""
    lists = [
        numbers.SimilarTracks(
            track(number),
            1 + number % 3,
            [
                numbers.Neighbour(track(20 + rank), 1 + (number + rank) % 3, f"within {rank + 1} BPM")
                for rank in range(10)
            ],
        )
        for number in range(12)
    ]
    lists[1] = replace(lists[1], track=numbers.TrackReference("t1", "Déjà Vu", "Beyoncé"))
    return [*lists, numbers.SimilarTracks(numbers.TrackReference("t99", "Alone", ""), 2, [])]


def provenance() -> numbers.Provenance:
    return numbers.Provenance(
        model_version="20251122T101500-0a1b2c3d",
        trained_at="2025-11-22T10:15:00+00:00",
        labeled_at="2025-11-09T23:05:00+00:00",
        rule="silhouette",
        engine="fused",
        restarts=10,
        space="minmax: bpm, loudness",
        tables={"labeled_tracks": 3, "k_scores": 1},
        settings={
            "clustering": {"ks": [2, 3, 4, 5], "tol": 0.001, "seed": 0},
            "features": {"weights": {"bpm": 0.5}, "log": [], "columns": ["bpm", "loudness"]},
            "recommend": {"other_releases": False},
            "selection": {"k": None},
        },
        versions={"segue": "0.1.0", "pyspark": "4.2.0"},
    )
