"""The audio features: name, unit and valid range of each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One number per track, with its unit and its range; no ``high`` means that any finite value will do."""

    name: str
    unit: str
    low: float
    high: float | None
    low_is_open: bool = False

    @property
    def range(self) -> str:
        """The range as mathematics writes it, such as ``[1, 300]``."""
        opening = "(" if self.low_is_open else "["
        return f"{opening}{self.low:.12g}, " + ("inf)" if self.high is None else f"{self.high:.12g}]")

    def rule(self, value: str | None = None) -> str:
        """Return the SQL condition that says that ``value`` (by default the column) lies in the range."""
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
"""The audio features: what clusters can be made from."""

POPULARITY = Feature("popularity", "0 to 100, the source's own figure", 0.0, 100.0)
NUMBERS = (*FEATURES, POPULARITY)
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)
TEXTS = ("title", "artist", "album", "genre")
