"""Decide units and the decimal sign from the values."""

import pytest

from segue.ingest.units import UnitDecisions, decide_units


def decide(values: dict[str, list[str | None]], **declared: str) -> UnitDecisions:
    """Decide the units of columns, given the values and the declared unit of each."""
    columns = {name: (index, declared.get(name)) for index, name in enumerate(values)}
    return decide_units(columns, list(zip(*values.values(), strict=True)))


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        (["71", "30", "0"], "percent"),
        (["0.71", "0.3", "0"], "fraction"),
        (["0.71", "30", "12"], "percent"),
        (["0.71", "0.3", "12"], "fraction"),
        (["71 %", "30%"], "percent"),
        (["1", "1", "2"], "percent"),
        (["-", "", None, "n/a", "0.5"], "fraction"),
        (["f", "x"], "fraction"),
        ([], "fraction"),
    ],
)
def test_percent_or_fraction_by_the_values(texts, unit):
    assert decide({"energy": texts}).units == {"energy": unit}


@pytest.mark.parametrize(("others", "unit"), [(["71", "30"], "percent"), (["0.71", "0.3"], "fraction")])
def test_column_of_0_and_1_takes_the_unit_of_the_others(others, unit):
    decided = decide({"instrumentalness": ["0", "1"], "energy": others, "valence": others})
    assert set(decided.units.values()) == {unit}


def test_column_of_0_and_1_takes_the_declared_unit_of_others():
    decided = decide({"instrumentalness": ["0", "1"], "energy": ["71", "30"]}, energy="percent")
    assert decided.units == {"instrumentalness": "percent"}


def test_declared_units_are_not_decided():
    decided = decide({"energy": ["71"], "valence": ["71"]}, energy="fraction")
    assert decided.units == {"valence": "percent"}


@pytest.mark.parametrize(
    ("texts", "unit"),
    [(["0", "1"], "percent"), (["55", "70"], "percent"), (["0.55", "0.7"], "fraction"), (["0", "0"], "percent")],
)
def test_popularity_is_in_percent_unless_its_values_are_fractions(texts, unit):
    assert decide({"popularity": texts, "energy": ["0.1", "0.2"]}).units["popularity"] == unit


def test_popularity_does_not_decide_the_unit_of_features():
    assert decide({"popularity": ["55", "70"], "energy": ["0", "1"]}).units["energy"] == "fraction"


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        (["201", "1,412", "185"], "s"),
        (["201000", "1412000", "9000"], "ms"),
        (["3:21", "1:00:00"], "s"),
        (["9999", "9999"], "s"),
        (["10000", "10000"], "ms"),
        (["201", "200000"], "s"),
        ([], "s"),
    ],
)
def test_milliseconds_or_seconds(texts, unit):
    assert decide({"duration_s": texts}).units == {"duration_s": unit}


def test_columns_with_a_single_unit_are_not_decided():
    assert decide({"bpm": ["120"], "loudness": ["-5"], "year": ["1999"], "title": ["7"]}).units == {}


@pytest.mark.parametrize(
    ("columns", "comma"),
    [
        ({"energy": ["0,71", "0,3"], "loudness": ["-5,883", "-7,1"]}, True),
        ({"energy": ["71", "30"], "duration_s": ["1,412", "2,100"]}, False),
        ({"energy": ["0.71", "0.3"], "duration_s": ["1,412", "12,5"]}, False),
        ({"loudness": ["-5,3 dB", "-7,12 dB"]}, True),
        ({"energy": ["53,2 %", "7,25%"]}, True),
        ({"title": ["0,5", "1,5"], "bpm": ["120", "99"]}, False),
        ({"energy": [None, ""]}, False),
    ],
)
def test_decimal_comma_is_distinguished_from_thousands_comma(columns, comma):
    decided = decide(columns)
    assert decided.decimal_comma == comma
    assert ("numbers are written with a decimal comma" in decided.decisions) == comma


def test_units_of_values_with_a_decimal_comma():
    assert decide({"energy": ["0,71", "0,35"], "valence": ["71,5", "30"]}).units == {
        "energy": "fraction",
        "valence": "percent",
    }


def test_every_decision_has_a_sentence():
    columns = {"valence": ["71"], "energy": ["71"], "speechiness": ["0.5"], "duration_s": ["201000"]}
    assert set(decide(columns).decisions) == {
        "energy, valence read as 0 to 100, inferred from the values",
        "speechiness read as 0 to 1, inferred from the values",
        "duration_s read as milliseconds, inferred from the values",
    }


def test_rows_shorter_than_the_header_are_accepted():
    assert decide_units({"energy": (0, None), "valence": (1, None)}, [["71"], ["30", "0.5"]]).units == {
        "energy": "percent",
        "valence": "fraction",
    }


def test_rows_of_other_files_decide_fractions_but_neither_the_duration_nor_the_decimal_comma():
    columns = {"energy": (0, None), "duration_s": (1, None)}
    decided = decide_units(columns, [["1", "201,5"], ["0", "185,25"]], fallback=[["71", "201000"], ["30", "185000"]])
    assert (decided.units, decided.decimal_comma) == ({"energy": "percent", "duration_s": "s"}, True)
    assert set(decided.decisions) == {
        "numbers are written with a decimal comma",
        "energy read as 0 to 100, inferred from the values",
        "duration_s read as seconds, inferred from the values",
    }
