"""Declare the audio features: name, unit and valid range of each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """A numeric property of tracks, with its unit and valid range. NaN and infinity are always invalid."""

    name: str
    """Name of the column in the tables."""
    unit: str
    """Unit of the values, as text for people, such as "dB" or "fraction"."""
    low: float
    """Lower end of the range, in ``unit``."""
    high: float | None
    """Upper end of the range, in ``unit``, included; None if the range has no upper end."""
    low_is_open: bool = False
    """Whether ``low`` is excluded from the range."""

    @property
    def range(self) -> str:
        """The valid range as text, in interval notation.

        >>> Feature("bpm", "beats per minute", 1.0, 300.0).range
        '[1, 300]'
        """
        opening = "(" if self.low_is_open else "["
        return f"{opening}{self.low:.12g}, " + ("inf)" if self.high is None else f"{self.high:.12g}]")

    def rule(self, value: str | None = None) -> str:
        """Return the text of an SQL condition that is true for values in the valid range, false for NaN and infinity.

        Parameters
        ----------
        value : SQL expression of the value; by default the feature's column

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
"""The audio features. The setting ``features.columns`` selects the features by which tracks are clustered."""
POPULARITY = Feature("popularity", "0 to 100, the source's own figure", 0.0, 100.0)
NUMBERS = (*FEATURES, POPULARITY)
"""All columns of ``tracks`` of type double: the audio features and the popularity."""
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)
TEXTS = ("title", "artist", "album", "genre")
"""Columns of ``tracks`` that are copied from the input as text."""
DETAILS = ("key", "mode", "time_signature", "isrc", "explicit")
"""Further columns of ``tracks``, null where the input lacks them. ``key`` is the musical key."""
