"""Test the synthetic catalogue: reproducible, in range, with clusters, and with exactly the declared faults."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score, silhouette_score
from sklearn.preprocessing import MinMaxScaler

from segue import synthetic
from segue.synthetic.tracks import GENRES

CLUSTERED = ["bpm", "loudness", "liveness", "valence", "acousticness", "speechiness"]
RANGES = {
    "bpm": (1, 300),
    "loudness": (-60, 6),
    "popularity": (0, 100),
    "year": (1950, 2025),
    "duration_s": (1, 3600),
} | dict.fromkeys(
    ["energy", "danceability", "liveness", "valence", "acousticness", "speechiness", "instrumentalness"],
    (0, 1),
)
HEADER = (
    "Index,Title,Artist,Top Genre,Year,Beats Per Minute (BPM),Energy,Danceability,Loudness (dB),"
    "Liveness,Valence,Length (Duration),Acousticness,Speechiness,Popularity"
)


@pytest.fixture(scope="module")
def tracks(spark: SparkSession) -> pd.DataFrame:
    return synthetic.synthetic_tracks(spark, 2000).toPandas()


@pytest.fixture(scope="module")
def single_partition(spark: SparkSession) -> Iterator[DataFrame]:
    frame = synthetic.synthetic_tracks(spark, 300, partitions=1).sort("track_id").cache()
    yield frame
    frame.unpersist()


@pytest.fixture(scope="module")
def artists(spark: SparkSession) -> pd.DataFrame:
    """Return ids, artists and genres of 20,000 tracks."""
    return synthetic.synthetic_tracks(spark, 20_000).select("track_id", "artist", "genre").toPandas()


@pytest.fixture(scope="module")
def csv_file(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "new" / "tracks.csv"
    assert synthetic.write_csv(synthetic.synthetic_kaggle_rows(spark, 2000), path) == 2000
    return path


@pytest.fixture(scope="module")
def csv_rows(csv_file: Path) -> list[dict[str, str]]:
    with csv_file.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("partitions", [2, 8])
def test_tracks_do_not_depend_on_partitions(single_partition: DataFrame, partitions: int) -> None:
    partitioned = synthetic.synthetic_tracks(single_partition.sparkSession, 300, partitions=partitions)
    assert partitioned.select(F.spark_partition_id()).distinct().count() == partitions
    assert_df_equality(partitioned.sort("track_id"), single_partition)


def test_larger_catalogue_begins_with_the_smaller_one(spark: SparkSession, tracks: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(synthetic.synthetic_tracks(spark, 100).toPandas(), tracks.head(100))


def test_another_seed_gives_another_catalogue(spark: SparkSession, tracks: pd.DataFrame) -> None:
    others = synthetic.synthetic_tracks(spark, 100, seed=1).toPandas()
    assert not set(others.track_id) & set(tracks.track_id)
    assert not np.isclose(others[CLUSTERED], tracks.head(100)[CLUSTERED]).all(axis=1).any()


def test_columns_have_the_documented_types(spark: SparkSession) -> None:
    texts = ["track_id", "title", "artist", "album", "genre"]
    doubles = "bpm loudness energy danceability liveness valence acousticness speechiness instrumentalness"
    expected = [(name, "string") for name in texts] + [("year", "int")]
    expected += [(name, "double") for name in [*doubles.split(), "duration_s", "popularity"]]
    assert synthetic.synthetic_tracks(spark, 1).dtypes == expected


def test_every_value_is_present_and_in_range(tracks: pd.DataFrame) -> None:
    assert not tracks.isna().any().any()
    outside = {name: (~tracks[name].between(low, high)).sum() for name, (low, high) in RANGES.items()}
    assert outside == dict.fromkeys(RANGES, 0)
    assert (tracks.title.str.strip() == tracks.title).all() and (tracks.title != "").all()


def test_features_have_three_decimals_at_most(tracks: pd.DataFrame) -> None:
    features = tracks[[*RANGES]]
    assert (features == features.round(3)).all().all()
    assert (tracks.bpm != tracks.bpm.round(2)).any()


def test_track_ids_are_unique_and_have_22_characters(artists: pd.DataFrame) -> None:
    assert artists.track_id.is_unique
    assert artists.track_id.str.fullmatch("[0-9A-Za-z]{22}").all()


def test_genres_have_about_their_declared_shares(tracks: pd.DataFrame) -> None:
    shares = tracks.genre.value_counts(normalize=True)
    assert {genre.name for genre in GENRES} == set(shares.index)
    assert sum(genre.share for genre in GENRES) == pytest.approx(1)
    # five standard deviations of a share of 13.5 % in 2,000 draws
    assert max(abs(shares[genre.name] - genre.share) for genre in GENRES) < 0.038


def test_artists_have_one_genre_and_unequal_numbers_of_tracks(artists: pd.DataFrame) -> None:
    assert artists.groupby("artist").genre.nunique().max() == 1
    sizes = artists.artist.value_counts()
    assert sizes.head(len(sizes) // 10).sum() > 0.3 * len(artists)  # artists with equal numbers would have 0.1
    assert sizes.max() < 0.02 * len(artists)


def test_titles_have_suffixes_quotes_scripts_emoji_and_markup(tracks: pd.DataFrame) -> None:
    suffixes = [r" \(Live\)$", " - Live at ", r" \(feat\. .+\)$", r" - Remastered 20\d\d$"]
    scripts = ["[À-ž]", "[\u0370-\u04ff]", "[\u3040-\ud7ff]", "[\U0001f300-\U0001faff]"]
    assert [
        pattern for pattern in [*suffixes, *scripts, '"', ",", "'", "<"] if not tracks.title.str.contains(pattern).any()
    ] == []
    assert tracks.title.nunique() > 1700


@pytest.mark.parametrize(
    ("one", "other", "sign"),
    [
        ("energy", "loudness", 1),
        ("energy", "acousticness", -1),
        ("loudness", "acousticness", -1),
        ("valence", "danceability", 1),
    ],
)
def test_features_correlate_within_genres(tracks: pd.DataFrame, one: str, other: str, sign: int) -> None:
    # ranked within genres, so that only the latent traits correlate the features
    ranks = tracks.groupby("genre")[[one, other]].rank(pct=True)
    assert sign * ranks[one].corr(ranks[other]) > 0.3  # six seeds: 0.41 to 0.59; independent features stay below 0.03


def test_live_recordings_have_a_suffix_and_high_liveness(tracks: pd.DataFrame) -> None:
    is_live = tracks.title.str.contains(r"\(Live\)| - Live at ")
    assert 50 < is_live.sum() < 400
    assert tracks.liveness[is_live].median() > 0.7 and tracks.liveness[~is_live].median() < 0.2


def test_tracks_have_clusters(tracks: pd.DataFrame) -> None:
    # silhouettes with six seeds: 0.56 to 0.58 at ten clusters, 0.37 to 0.42 with each column shuffled
    scaled = MinMaxScaler().fit_transform(tracks[CLUSTERED])
    rng = np.random.default_rng(0)
    shuffled = np.column_stack([rng.permutation(column) for column in scaled.T])

    def labels(points: np.ndarray) -> np.ndarray:
        return KMeans(10, n_init=5, random_state=0).fit_predict(points)

    silhouette = silhouette_score(scaled, labels(scaled), metric="sqeuclidean")
    by_chance = silhouette_score(shuffled, labels(shuffled), metric="sqeuclidean")
    assert silhouette > 0.5
    assert silhouette > by_chance + 0.1
    assert normalized_mutual_info_score(tracks.genre, labels(scaled)) > 0.6  # 0.67 to 0.68 measured
    sizes = np.bincount(labels(scaled))
    assert sizes.max() > 4 * sizes.min()


def test_csv_has_byte_order_mark_header_and_line_feeds(csv_file: Path) -> None:
    content = csv_file.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf" + HEADER.encode() + b"\n1,")
    assert content.endswith(b"\n") and b"\r" not in content
    assert [path.name for path in csv_file.parent.iterdir()] == ["tracks.csv"]


def test_csv_has_every_track_in_order_of_index(csv_rows: list[dict[str, str]]) -> None:
    index = [int(row["Index"]) for row in csv_rows]
    assert len(index) == 2000
    assert index == sorted(index)


def test_csv_has_exactly_the_declared_faults(csv_rows: list[dict[str, str]]) -> None:
    percentages = ["Energy", "Danceability", "Liveness", "Valence", "Acousticness", "Speechiness", "Popularity"]
    counts: Counter[str] = Counter()
    preceding: dict[str, str] = {}
    for row in csv_rows:
        numbers = [row[name] for name in [*percentages, "Year", "Loudness (dB)", "Beats Per Minute (BPM)"]]
        counts["letter"] += any(not re.fullmatch(r"-?\d+", number) for number in numbers)
        counts["no_tempo"] += row["Beats Per Minute (BPM)"] == "0"
        counts["over_100"] += any(row[name].isdigit() and int(row[name]) > 100 for name in percentages)
        counts["no_title"] += row["Title"] == ""
        counts["duplicate"] += row == preceding
        counts["fields"] += len(row) != 15 or None in row.values()
        preceding = row
    assert counts == {"letter": 2, "no_tempo": 2, "over_100": 2, "no_title": 2, "duplicate": 2, "fields": 0}


def test_csv_durations_are_integers_with_a_thousands_comma(csv_rows: list[dict[str, str]]) -> None:
    lengths = [row["Length (Duration)"] for row in csv_rows]
    long = [text for text in lengths if re.fullmatch(r"[12],\d{3}", text)]
    assert 2 <= len(long) <= 25  # 0.4 % of 2,000 is 8
    assert all(re.fullmatch(r"\d{2,3}", text) for text in lengths if text not in long)


def test_csv_has_the_same_tracks(csv_rows: list[dict[str, str]], tracks: pd.DataFrame) -> None:
    row, track = csv_rows[0], tracks.iloc[0]
    assert (row["Title"], row["Artist"], row["Top Genre"]) == (track.title, track.artist, track.genre)
    loudness = np.array([int(row["Loudness (dB)"]) for row in csv_rows])
    seconds = np.array([int(row["Length (Duration)"].replace(",", "")) for row in csv_rows])
    indices = np.array([int(row["Index"]) - 1 for row in csv_rows])
    assert np.abs(loudness - tracks.loudness.to_numpy()[indices]).max() <= 0.5
    assert np.abs(seconds - tracks.duration_s.to_numpy()[indices]).max() <= 0.5


def test_csv_does_not_depend_on_partitions(spark: SparkSession, csv_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("an earlier file", encoding="utf-8")
    synthetic.write_csv(synthetic.synthetic_kaggle_rows(spark, 2000, partitions=5), path)
    assert path.read_bytes() == csv_file.read_bytes()


def test_failed_csv_leaves_the_earlier_file_and_no_other(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("an earlier file", encoding="utf-8")
    failing = spark.range(3).selectExpr("if(id < 2, id, raise_error('no more'))")
    with pytest.raises(Exception, match="no more"):
        synthetic.write_csv(failing, path)
    assert path.read_text(encoding="utf-8") == "an earlier file"
    assert list(tmp_path.iterdir()) == [path]
