"""Display names, units and number formats of the features."""

import pytest

from segue import schema
from segue.report import feature_labels


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("bpm", 121.62, "122 BPM"),
        ("loudness", -9.04, "−9.0 dB"),
        ("loudness", 1.25, "1.2 dB"),
        ("loudness", -0.04, "0.0 dB"),
        ("energy", 0.614, "61 %"),
        ("energy", 0.0, "0 %"),
        ("valence", 1.0, "100 %"),
        ("popularity", 55.4, "55"),
        ("year", 1969.6, "1970"),
        ("duration_s", 205.0, "3:25"),
        ("duration_s", 59.6, "1:00"),
        ("duration_s", 0.4, "0:00"),
        ("duration_s", 3605.0, "60:05"),
        ("duration_s", 72000.0, "1,200:00"),
    ],
)
def test_format_value(name, value, expected):
    assert feature_labels.format_value(name, value) == expected


@pytest.mark.parametrize(
    ("name", "expected", "factor"),
    [
        ("bpm", "Tempo, beats per minute", 1),
        ("loudness", "Loudness, dB", 1),
        ("valence", "Cheerfulness, %", 100),
        ("duration_s", "Length, minutes", 1 / 60),
        ("popularity", "Popularity, 0 to 100", 1),
        ("year", "Year of release", 1),
    ],
)
def test_labels_and_factors_of_axes(name, expected, factor):
    assert feature_labels.label_with_unit(name) == expected
    assert feature_labels.display_factor(name) == factor


def test_every_number_has_a_display_name():
    assert tuple(feature_labels.NAMES) == (*schema.FEATURE_NAMES, "popularity", "year")
    assert not any("_" in name or name == "bpm" for name in feature_labels.NAMES.values())
    for feature in schema.FEATURES:
        assert (feature_labels.display_unit(feature.name) == "%") == (feature.unit == "fraction")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-0.671, "−0.67"), (0.5, "0.50"), (-0.001, "0.00"), (0.0, "0.00"), (-0.006, "−0.01"), (-10.001, "−10.00")],
)
def test_format_signed(value, expected):
    assert feature_labels.format_signed(value) == expected


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "no"), (1, "one"), (12, "twelve"), (13, "13"), (114000, "114,000"), (-1, "-1")]
)
def test_spell_number(number, expected):
    assert feature_labels.spell_number(number) == expected
