"""Define the presets of the setting ``recommend.likeness``: what similarity of tracks is measured in.

They were chosen on published data (docs/explanation/likeness.md): the share of a track's ten nearest that share a
playlist, or a genre, with it.
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
    """What similarity is measured in.

    Attributes
    ----------
    features : columns of ``tracks``: audio features, ``year`` and ``popularity``
    log : features of which the logarithm is scaled, each with the number that is added first, in the feature's unit
    weights : factors of the scaled features; 1 for those that are not listed
    """

    features: tuple[str, ...]
    log: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)


PRESETS = {
    "era": Likeness((*_NINE, "instrumentalness", "year"), _LOG, {"liveness": 0.5, "year": 2.5}),
    "audio": Likeness((*_NINE, "instrumentalness"), _LOG, {"liveness": 0.5}),
    "nine": Likeness(_NINE),
}
"""By name: ``era`` is the sound and the year of release, ``audio`` the sound alone, ``nine`` that of segue 0.2."""
