"""Declare the audio features: name, unit and valid range of each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """A numeric property of tracks, with its unit and valid range. NaN and infinity are never valid."""

    name: str
    """The column's name."""
    unit: str
    low: float
    """Lower end of the range, in ``unit``; a valid value itself unless ``low_is_open``."""
    high: float | None
    """Upper end of the range, in ``unit``, a valid value itself; None if every larger finite number is valid."""
    low_is_open: bool = False
    """Whether ``low`` itself is outside the range."""

    @property
    def range(self) -> str:
        """The range in interval notation.

        >>> Feature("bpm", "beats per minute", 1.0, 300.0).range
        '[1, 300]'
        """
        opening = "(" if self.low_is_open else "["
        return f"{opening}{self.low:.12g}, " + ("inf)" if self.high is None else f"{self.high:.12g}]")

    def rule(self, value: str | None = None) -> str:
        """Return a SQL condition, as text, that is true if a value is in the feature's range.

        Parameters
        ----------
        value : SQL expression of the value, by default the name of the feature's column

        >>> Feature("bpm", "beats per minute", 1.0, 300.0).rule()
        'bpm >= 1 AND bpm <= 300'
        """
        value = value or self.name
        above = f"{value} {'>' if self.low_is_open else '>='} {self.low:.12g}"
        below = f"{value} < double('inf')" if self.high is None else f"{value} <= {self.high:.12g}"
        return f"{above} AND {below}"


def _fraction(name: str) -> Feature:
    return Feature(name, "fraction", 0.0, 1.0)


FEATURES = (
    Feature("bpm", "beats per minute", 1.0, 300.0),
    Feature("loudness", "dB", -60.0, 6.0),
    _fraction("energy"),
    _fraction("danceability"),
    _fraction("liveness"),
    _fraction("valence"),
    _fraction("acousticness"),
    _fraction("speechiness"),
    _fraction("instrumentalness"),
    Feature("duration_s", "seconds", 0.0, None, low_is_open=True),
)
"""The audio features; the setting ``features.columns`` selects those to cluster by."""
POPULARITY = Feature("popularity", "0 to 100, the source's own figure", 0.0, 100.0)
NUMBERS = (*FEATURES, POPULARITY)
"""The columns of ``tracks`` of type double: the features and the popularity."""
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)
TEXTS = ("title", "artist", "album", "genre")
"""The text columns that a source provides, besides the track id."""
DETAILS = ("key", "mode", "time_signature", "isrc", "explicit")
"""Further columns of ``tracks``, null where the source does not provide them."""
