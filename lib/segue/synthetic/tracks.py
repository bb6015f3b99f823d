"""Generate synthetic tracks: genre, artist, names, and audio features.

Two latent variables of a track, ``intensity`` and ``mood``, are random numbers. Features that depend on the same
latent variable are correlated.
"""

import math
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from segue import schema
from segue.synthetic import names
from segue.synthetic.draws import bits, choice, correlated, fraction, normal, share_index, thousandths, uniform


@dataclass(frozen=True, slots=True, kw_only=True)
class Genre:
    """A genre: name, years, and parameters of the distributions of its tracks.

    ``bpm``, ``minutes`` and the fractions from ``energy`` to ``instrumentalness`` are medians over the genre's tracks.
    """

    name: str
    share: float
    """Fraction of all tracks. The sum over all genres is 1."""
    first_year: int
    last_year: int
    bpm: float
    bpm_spread: float
    """Standard deviation of ln(bpm)."""
    loudness: float
    """Mean loudness, dB."""
    loudness_spread: float
    """Standard deviation of the loudness, dB."""
    energy: float
    danceability: float
    valence: float
    acousticness: float
    speechiness: float
    instrumentalness: float
    live: float
    """Fraction of the genre's tracks that are live recordings."""
    guest: float
    """Fraction of the genre's studio recordings with a second artist."""
    minutes: float


# fmt: off
GENRES = (
    Genre(
        name="dance pop", share=0.135, first_year=1996, last_year=2024,
        minutes=3.4, live=0.03, guest=0.2, bpm=121.0, bpm_spread=0.06, loudness=-5.2, loudness_spread=1.2,
        energy=0.78, danceability=0.72, valence=0.7, acousticness=0.07,
        speechiness=0.055, instrumentalness=0.002,
    ),
    Genre(
        name="classic rock", share=0.13, first_year=1964, last_year=1991,
        minutes=4.1, live=0.14, guest=0.02, bpm=124.0, bpm_spread=0.12, loudness=-9.8, loudness_spread=1.7,
        energy=0.68, danceability=0.52, valence=0.7, acousticness=0.13,
        speechiness=0.04, instrumentalness=0.01,
    ),
    Genre(
        name="indie rock", share=0.115, first_year=1985, last_year=2024,
        minutes=3.9, live=0.07, guest=0.02, bpm=128.0, bpm_spread=0.12, loudness=-6.8, loudness_spread=1.5,
        energy=0.74, danceability=0.49, valence=0.4, acousticness=0.06,
        speechiness=0.04, instrumentalness=0.03,
    ),
    Genre(
        name="singer-songwriter", share=0.095, first_year=1968, last_year=2024,
        minutes=3.7, live=0.08, guest=0.02, bpm=110.0, bpm_spread=0.14, loudness=-12.5, loudness_spread=1.9,
        energy=0.3, danceability=0.5, valence=0.33, acousticness=0.8,
        speechiness=0.038, instrumentalness=0.004,
    ),
    Genre(
        name="hip hop", share=0.09, first_year=1986, last_year=2024,
        minutes=3.8, live=0.03, guest=0.2, bpm=92.0, bpm_spread=0.07, loudness=-6.6, loudness_spread=1.4,
        energy=0.67, danceability=0.79, valence=0.55, acousticness=0.1,
        speechiness=0.29, instrumentalness=0.001,
    ),
    Genre(
        name="metal", share=0.075, first_year=1978, last_year=2024,
        minutes=4.6, live=0.1, guest=0.02, bpm=149.0, bpm_spread=0.09, loudness=-4.6, loudness_spread=1.1,
        energy=0.93, danceability=0.38, valence=0.22, acousticness=0.006,
        speechiness=0.09, instrumentalness=0.05,
    ),
    Genre(
        name="soul", share=0.07, first_year=1961, last_year=2018,
        minutes=3.3, live=0.08, guest=0.02, bpm=103.0, bpm_spread=0.11, loudness=-9.6, loudness_spread=1.7,
        energy=0.52, danceability=0.68, valence=0.78, acousticness=0.42,
        speechiness=0.05, instrumentalness=0.002,
    ),
    Genre(
        name="techno", share=0.06, first_year=1989, last_year=2024,
        minutes=6.2, live=0.02, guest=0.02, bpm=130.0, bpm_spread=0.03, loudness=-8.4, loudness_spread=1.3,
        energy=0.82, danceability=0.75, valence=0.16, acousticness=0.02,
        speechiness=0.05, instrumentalness=0.75,
    ),
    Genre(
        name="punk", share=0.05, first_year=1976, last_year=2022,
        minutes=2.5, live=0.12, guest=0.02, bpm=174.0, bpm_spread=0.06, loudness=-4.8, loudness_spread=1.1,
        energy=0.93, danceability=0.44, valence=0.62, acousticness=0.015,
        speechiness=0.07, instrumentalness=0.004,
    ),
    Genre(
        name="solo piano", share=0.045, first_year=1958, last_year=2024,
        minutes=4.4, live=0.05, guest=0.02, bpm=84.0, bpm_spread=0.16, loudness=-23.0, loudness_spread=2.4,
        energy=0.1, danceability=0.33, valence=0.16, acousticness=0.975,
        speechiness=0.042, instrumentalness=0.9,
    ),
    Genre(
        name="country", share=0.045, first_year=1966, last_year=2024,
        minutes=3.3, live=0.06, guest=0.02, bpm=117.0, bpm_spread=0.12, loudness=-7.6, loudness_spread=1.5,
        energy=0.66, danceability=0.58, valence=0.68, acousticness=0.24,
        speechiness=0.034, instrumentalness=0.001,
    ),
    Genre(
        name="reggae", share=0.03, first_year=1969, last_year=2020,
        minutes=3.9, live=0.09, guest=0.2, bpm=82.0, bpm_spread=0.08, loudness=-8.2, loudness_spread=1.5,
        energy=0.6, danceability=0.78, valence=0.82, acousticness=0.16,
        speechiness=0.11, instrumentalness=0.003,
    ),
    Genre(
        name="ambient", share=0.025, first_year=1977, last_year=2024,
        minutes=6.0, live=0.02, guest=0.02, bpm=78.0, bpm_spread=0.14, loudness=-20.5, loudness_spread=2.3,
        energy=0.16, danceability=0.24, valence=0.06, acousticness=0.78,
        speechiness=0.038, instrumentalness=0.88,
    ),
    Genre(
        name="spoken word", share=0.035, first_year=1959, last_year=2024,
        minutes=3.6, live=0.55, guest=0.02, bpm=98.0, bpm_spread=0.15, loudness=-13.5, loudness_spread=2.0,
        energy=0.38, danceability=0.6, valence=0.46, acousticness=0.84,
        speechiness=0.9, instrumentalness=0.001,
    ),
)


TRACK_COLUMNS = (
    "track_id", "title", "artist", "album", "genre", "year", "bpm", "loudness", "energy", "danceability",
    "liveness", "valence", "acousticness", "speechiness", "instrumentalness", "duration_s", "popularity",
)  # fmt: skip
_ROWS_PER_PARTITION = 250_000
"""Number of rows per partition: about 20 MB of Parquet."""
_FRACTIONS = (
    ("energy", 0.45, "intensity", 0.8),
    ("danceability", 0.40, "mood", 0.7),
    ("valence", 0.50, "mood", 0.7),
    ("acousticness", 0.55, "intensity", -0.6),
    ("speechiness", 0.35, "intensity", 0.0),
    ("instrumentalness", 1.10, "mood", 0.0),
)
"""Features with values in [0, 1]: name, standard deviation of the logit in a genre, latent variable, correlation.

The correlation is that of the feature's logit and the latent variable.
"""


def synthetic_tracks(spark: SparkSession, n_tracks: int, *, seed: int = 0, partitions: int | None = None) -> DataFrame:
    """Return a DataFrame of invented tracks, reproducible bit for bit with any number of partitions.

    Parameters
    ----------
    spark : the session of the DataFrame
    n_tracks : number of rows; a larger catalogue begins with the rows of a smaller one
    seed : another seed gives other tracks, artists and track ids
    partitions : number of partitions; by default one for every 250,000 rows

    Returns
    -------
    DataFrame
        The columns ``TRACK_COLUMNS``. Units: bpm in beats per minute, 40 to 230; loudness in dB, -60 to 0; duration_s
        in seconds, 30 to 2,400; popularity a whole number from 0 to 100; other features fractions from 0 to 1. Numbers
        have at most three decimals.
    """
    return with_tracks(numbered_rows(spark, n_tracks, partitions), seed).select(*TRACK_COLUMNS)


def numbered_rows(spark: SparkSession, n_rows: int, partitions: int | None = None) -> DataFrame:
    """Return a DataFrame with the column ``row_id`` (long): the numbers from 0 to ``n_rows - 1``, ascending.

    ``partitions`` is the number of partitions; by default there is one for every 250,000 rows.
    """
    n_parts = partitions or max(1, math.ceil(n_rows / _ROWS_PER_PARTITION))
    return spark.range(0, n_rows, 1, n_parts).withColumnRenamed("id", "row_id")


def with_tracks(rows: DataFrame, seed: int) -> DataFrame:
    """Add all columns of synthetic tracks to rows with the column ``row_id`` (long).

    Every value depends only on ``row_id`` and ``seed``.
    """
    tracks = rows
    for add in (_with_artist, _with_traits, _with_features, _with_names):
        tracks = add(tracks, seed)
    return tracks


def _of_genre(field: str) -> Column:
    """Return a Column with one attribute of the row's ``Genre``, such as "bpm"."""
    return choice([getattr(genre, field) for genre in GENRES], F.col("genre_code"))


def _with_artist(rows: DataFrame, seed: int) -> DataFrame:
    """Add the columns ``genre``, ``genre_code``, ``genre_draw``, ``artist_code`` and ``artist_rank``.

    Genres are drawn with probability ``Genre.share``. Artists are drawn by their rank in the genre, with a probability
    of about 1 / (rank + head) times a constant. This is similar to Zipf's law: few artists have many tracks. The number
    ``head`` is at least 3; the larger it is, the less the first artists dominate. It grows with ``row_id``, and so does
    the number of artists. If both were constant, one artist would have a million of 100 million tracks.
    """
    row_id = F.col("row_id")
    head = row_id / F.lit(20_000.0) + F.lit(3.0)
    artists = row_id / F.lit(40.0) + F.lit(100.0)
    rank = head * (F.pow(artists / head + F.lit(1.0), uniform(seed, "artist", row_id)) - F.lit(1.0))
    return (
        rows.withColumns({"genre_draw": uniform(seed, "genre", row_id), "artist_rank": F.floor(rank)})
        .withColumn("genre_code", share_index([genre.share for genre in GENRES], F.col("genre_draw")))
        .withColumn("artist_code", F.col("artist_rank") * len(GENRES) + F.col("genre_code"))
        .withColumn("genre", _of_genre("name"))
    )


def _with_traits(tracks: DataFrame, seed: int) -> DataFrame:
    """Add the columns ``intensity`` and ``mood`` (latent variables, standard normal), ``is_live`` and ``year``.

    The intensity is the weighted sum of two standard normal draws, one for the artist and one for the track. Its
    correlation with the artist's draw is 0.65, so tracks of the same artist are similar. The year is a random number of
    years after the artist's debut, and at most the last year of the genre.
    """
    row_id, artist = F.col("row_id"), F.col("artist_code")
    artist_sound = normal(seed, "artist/sound", artist)
    span = _of_genre("last_year") - _of_genre("first_year")
    debut = _of_genre("first_year") + F.floor(span * uniform(seed, "debut", artist))
    career = F.floor(F.lit(18.0) * F.pow(uniform(seed, "career", row_id), F.lit(2.0)))
    return tracks.withColumns(
        {
            "intensity": correlated(artist_sound, 0.65, normal(seed, "intensity", row_id)),
            "mood": normal(seed, "mood", row_id),
            "is_live": uniform(seed, "live", row_id) < _of_genre("live"),
            "year": F.least(debut + career, _of_genre("last_year")).cast("int"),
        }
    )


def _with_features(tracks: DataFrame, seed: int) -> DataFrame:
    """Add the audio features and the popularity.

    Features vary around the values of the genre. They depend on ``intensity`` and ``mood``, and so are correlated.
    """

    def noise(name: str) -> Column:
        return normal(seed, name, F.col("row_id"))

    louder = correlated(F.col("intensity"), 0.75, noise("loudness")) * _of_genre("loudness_spread")
    features = {
        "bpm": _clipped(_of_genre("bpm") * F.exp(noise("bpm") * _of_genre("bpm_spread")), 40.0, 230.0),
        "loudness": _clipped(_of_genre("loudness") + louder, -60.0, 0.0),
        "liveness": fraction(F.when(F.col("is_live"), 0.80).otherwise(0.12), 0.45, noise("liveness")),
        "duration_s": _duration(seed),
    }
    for name, spread, trait, weight in _FRACTIONS:
        features[name] = fraction(_of_genre(name), spread, correlated(F.col(trait), weight, noise(name)))
    rounded = {name: thousandths(value) for name, value in features.items()}
    return tracks.withColumns({**rounded, "popularity": _popularity(seed)})


def _clipped(value: Column, low: float, high: float) -> Column:
    return F.greatest(F.lit(low), F.least(F.lit(high), value))


def _duration(seed: int) -> Column:
    """Return a Column with the duration in seconds: log-normal around the genre's median, clipped to [30, 990].

    0.4 % of the tracks have a duration from 1,000 to 2,400 seconds instead.
    """
    usual = _of_genre("minutes") * 60.0 * F.exp(normal(seed, "duration", F.col("row_id")) * 0.22)
    suite = uniform(seed, "suite", F.col("row_id"))
    return F.when(suite < 0.004, suite * (1400 / 0.004) + 1000.0).otherwise(_clipped(usual, 30.0, 990.0))


def _popularity(seed: int) -> Column:
    """Return a Column with the popularity, 0 to 100: higher for newer tracks, and for artists with many tracks."""
    odds = F.exp(
        F.lit(0.9)
        - F.log(F.col("artist_rank") + F.lit(1.0)) * F.lit(0.25)
        + (F.col("year") - 1995) / F.lit(40.0)
        + normal(seed, "popularity", F.col("row_id")) * F.lit(0.5)
    )
    return F.rint(odds / (odds + F.lit(1.0)) * F.lit(100.0))


def _with_names(tracks: DataFrame, seed: int) -> DataFrame:
    """Add the columns ``track_id``, ``title``, ``artist`` and ``album``, and four auxiliary columns."""
    row_id, artist, year, is_live = (F.col(name) for name in ("row_id", "artist_code", "year", "is_live"))
    guest = artist + len(GENRES)  # the next artist of the same genre
    # columns of their own, because each is used about a dozen times below, and is then computed once
    patterned = tracks.withColumns(
        {
            "artist_pattern": names.artist_pattern(artist, seed),
            "guest_pattern": names.artist_pattern(guest, seed),
            "title_pattern": names.title_pattern(row_id, seed),
            "hall": names.concert_hall(artist, year, seed),
        }
    )
    suffix = names.title_suffix(
        row_id,
        seed,
        year=year,
        is_live=is_live,
        hall=F.col("hall"),
        guest=names.artist_name(guest, F.col("guest_pattern"), seed),
        guest_share=_of_genre("guest"),
    )
    live_album = F.concat(F.lit("Live at "), F.col("hall"))
    return patterned.withColumns(
        {
            "track_id": _track_id(row_id, seed),
            "title": F.concat(names.title(row_id, F.col("title_pattern"), seed), suffix),
            "artist": names.artist_name(artist, F.col("artist_pattern"), seed),
            "album": F.when(is_live, live_album).otherwise(names.album_title(artist, year, seed)),
        }
    )


def _track_id(row_id: Column, seed: int) -> Column:
    """Return a Column of track ids: 22 digits and lower-case letters. No two ids begin with the same 13 characters."""

    def base_36(name: str) -> Column:
        return F.lower(F.lpad(F.conv(F.hex(bits(seed, name, row_id)), 16, 36), 13, "0"))

    return F.concat(base_36("track_id"), F.substring(base_36("track_id/more"), 5, 9))


def as_table_rows(tracks: DataFrame) -> DataFrame:
    """Convert synthetic tracks to rows of the table ``tracks``. Columns without synthetic values are null."""
    rows = tracks.withColumns({"genres": F.array("genre"), "source_file": F.lit("synthetic")})
    absent = [column for column in schema.TRACKS.columns if column.name not in rows.columns]
    nulls = {column.name: F.lit(None).cast(column.type) for column in absent}
    return rows.withColumns(nulls).select(*schema.TRACKS.names)
