"""Define the presets of the setting ``recommend.likeness``: features, logarithms and weights to compare tracks by.

The presets were chosen on published playlists and genres (docs/explanation/likeness.md). The measure was the share of a
track's ten nearest tracks that have the same genre, or that are in a playlist with the track.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_NINE = (
    "bpm", "loudness", "liveness", "valence", "acousticness", "speechiness", "energy", "danceability", "duration_s"
)  # fmt: skip
_SKEWED = ("speechiness", "liveness", "instrumentalness", "acousticness")
_LOG = dict.fromkeys(_SKEWED, 0.01) | {"duration_s": 0.0}


@dataclass(frozen=True, slots=True)
class Likeness:
    """The features by which tracks are compared. Tracks are similar if their scaled features are close.

    Attributes
    ----------
    features : names of columns of ``tracks``: audio features, ``year`` or ``popularity``
    log : dict from feature to an offset in the feature's unit; before scaling, each value becomes ln(value + offset).
        Features that are not listed keep their values.
    weights : dict from feature to the factor of its scaled values; 1 for features that are not listed
    """

    features: tuple[str, ...]
    log: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)


PRESETS = {
    "era": Likeness((*_NINE, "instrumentalness", "year"), _LOG, {"liveness": 0.5, "year": 2.5}),
    "audio": Likeness((*_NINE, "instrumentalness"), _LOG, {"liveness": 0.5}),
    "nine": Likeness(_NINE),
}
"""The presets by name.

``era`` compares ten audio features and the year of release. ``audio`` compares the same features without the year.
``nine`` compares nine audio features without logarithms or weights, as segue 0.2 did.
"""
