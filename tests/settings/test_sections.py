"""The models of the settings: defaults, limits, and the expected values in errors."""

import json

import pytest
from pydantic import ValidationError

from segue import settings
from segue.errors import SettingsError
from segue.settings.loading import FIELDS, SECTIONS

SIX = ["bpm", "loudness", "liveness", "valence", "acousticness", "speechiness"]

DEFAULTS = {
    "ingest": {
        "source": "auto",
        "mode": "upsert",
        "encoding": "auto",
        "invalid_utf8": "refuse",
        "multiline": "auto",
        "decimal_sign": "auto",
        "genre_separator": "auto",
        "header_line": "auto",
        "layouts": "remember",
        "strict": False,
        "force": False,
    },
    "features": {
        "columns": SIX,
        "optional": [],
        "scaler": "minmax",
        "missing": "reject",
        "log": [],
        "weights": {},
        "guide": "none",
    },
    "clustering": {
        "ks": [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
        "engine": "fused",
        "restarts": 10,
        "max_iter": 20,
        "tol": 0.001,
        "seed": 0,
        "sample_size": 50_000,
    },
    "selection": {"rule": "silhouette", "min_k": 8, "k": None, "subsamples": 6},
    "tuning": {"columns": [], "scalers": [], "log": [], "weights": []},
    "train": {"when": "missing"},
    "label": {"model_version": "latest", "words": {}},
    "recommend": {
        "likeness": "era",
        "features": None,
        "log": None,
        "weights": None,
        "scaling": "standard",
        "method": "auto",
        "per_artist": 2,
        "other_releases": False,
        "same_genre": False,
        "years_apart": None,
        "harmonic": False,
        "min_popularity": None,
        "outliers": True,
        "playlist_length": 30,
        "order": "score",
    },
    "report": {"points": 5000, "searchable": 300},
}


NINE = (*SIX, "energy", "danceability", "duration_s")
SKEWED = {"speechiness": 0.01, "liveness": 0.01, "instrumentalness": 0.01, "acousticness": 0.01, "duration_s": 0.0}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ((*NINE, "instrumentalness", "year"), SKEWED, {"liveness": 0.5, "year": 2.5})),
        ({"likeness": "audio"}, ((*NINE, "instrumentalness"), SKEWED, {"liveness": 0.5})),
        ({"likeness": "nine"}, (NINE, {}, {})),
        ({"likeness": "nine", "weights": {"bpm": 2.0}}, (NINE, {}, {"bpm": 2.0})),
        ({"likeness": "audio", "log": {}}, ((*NINE, "instrumentalness"), {}, {"liveness": 0.5})),
        ({"features": ("year", "bpm")}, (("year", "bpm"), {}, {})),
    ],
)
def test_features_log_and_weights_take_precedence_over_likeness(given, expected):
    compared = settings.RecommendSettings(**given).compared
    assert (compared.features, compared.log, compared.weights) == expected


def test_defaults_as_json_are_the_documented_ones():
    dump = settings.Settings().model_dump(mode="json")
    assert dump == DEFAULTS
    assert json.loads(json.dumps(dump)) == dump
    assert [list(section) for section in dump.values()] == [list(section) for section in DEFAULTS.values()]


def test_attributes_are_tuples_and_models():
    defaults = settings.Settings()
    assert defaults.clustering == settings.ClusteringSettings()
    assert defaults.clustering.ks == tuple(range(2, 21))
    assert defaults.features.columns == tuple(SIX)
    assert defaults.features.weights == {}


def test_settings_are_frozen_and_share_no_mutable_default():
    first, second = settings.Settings(), settings.Settings()
    with pytest.raises(ValidationError):
        first.clustering.seed = 1
    first.features.weights["bpm"] = 2.0
    assert second.features.weights == settings.Settings().features.weights == {}


def test_sections_validate_arguments():
    assert settings.ClusteringSettings(ks=range(3, 6)).ks == (3, 4, 5)
    with pytest.raises(ValidationError):
        settings.ClusteringSettings(sample=5000)
    with pytest.raises(ValidationError):
        settings.SelectionSettings(rule="fixed")
    with pytest.raises(ValidationError):
        settings.Settings(
            train=settings.TrainSettings(when="always"), label=settings.LabelSettings(model_version="0a1b")
        )


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("clustering.restarts", 1, 10_000),
        ("clustering.max_iter", 1, 1_000_000),
        ("clustering.seed", 0, 2**53),
        ("clustering.sample_size", 1000, 10_000_000),
        ("selection.k", 2, 1000),
        ("selection.subsamples", 2, 1000),
        ("recommend.per_artist", 0, 10),
        ("recommend.years_apart", 0, 10_000),
        ("recommend.min_popularity", 0, 100),
        ("recommend.playlist_length", 1, 1000),
        ("report.points", 100, 7000),
        ("report.searchable", 0, 1000),
    ],
)
def test_limits_are_inclusive_and_named_in_the_error(name, low, high):
    section, key = name.split(".")
    kind = "a number" if name == "recommend.min_popularity" else "a whole number"
    for value in (low, high):
        assert getattr(getattr(settings.load(overrides={section: {key: value}}), section), key) == value
    for value in (low - 1, high + 1):
        with pytest.raises(SettingsError) as refused:
            settings.load(overrides={section: {key: value}})
        assert refused.value.faults == (f"{name} is {value}, expected {kind}, {low} to {high}",)


EXPECTED = 'a table of features and their words, such as { bpm = { high = "schnell", low = "langsam" } }'
NAMES = (
    "bpm, loudness, energy, danceability, liveness, valence, acousticness, speechiness, instrumentalness, duration_s, "
    "slight, extreme, mid_tempo, otherwise_average, otherwise_mixed, average"
)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (3, "is 3, expected " + EXPECTED),
        ({"tempo": {"high": "fast"}}, f"names tempo, expected only {NAMES}"),
        ({"bpm": {"up": "x"}}, ".bpm is {'up': 'x'}, expected a table of high and low, each a text or a list of three"),
        ({"bpm": {"low": ["x", "y"]}},
         ".bpm is {'low': ['x', 'y']}, expected a table of high and low, each a text or a list of three"),
        ({"slight": "eher"}, ".slight is 'eher', expected a text with {}, such as 'fairly {}'"),
        ({"average": ""}, ".average is '', expected a text"),
        ({"bpm": {"high": "viel"}, "energy": {"low": ["viel", "wenig", "kaum"]}},
         "gives 'viel' to bpm.high and energy.low, expected different texts"),
    ],
)  # fmt: skip
def test_words_of_descriptions_are_validated(words, fault):
    with pytest.raises(SettingsError) as refused:
        settings.load(overrides={"label": {"words": words}})
    assert refused.value.faults == (f"label.words{'' if fault[0] == '.' else ' '}{fault}",)


def test_every_setting_has_a_meaning_and_a_default_or_an_example():
    for name, field in FIELDS.items():
        assert field.description, name
        assert field.default is not None or field.examples, name
    assert all(model.__doc__ for model in SECTIONS.values())
