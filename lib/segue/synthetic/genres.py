"""Declare the genres of the synthetic catalogue: distributions of features, years and share of each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Genre:
    """Parameters of the tracks of one genre; ``tracks`` adds the correlations between the features of a track.

    ``bpm``, ``minutes`` and the features from ``energy`` to ``instrumentalness`` (fractions) are medians.
    """

    name: str
    share: float
    """Fraction of all tracks; the shares of all genres sum to 1."""
    first_year: int
    last_year: int
    bpm: float
    bpm_spread: float
    """Standard deviation of ln(bpm)."""
    loudness: float
    """Mean, dB."""
    loudness_spread: float
    """Standard deviation, dB."""
    energy: float
    danceability: float
    valence: float
    acousticness: float
    speechiness: float
    instrumentalness: float
    live: float
    """Fraction of the genre's tracks that are live recordings."""
    guest: float
    """Fraction of the genre's studio recordings that have a second artist."""
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
