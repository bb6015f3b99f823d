"""Decide units and the decimal sign from the values."""

import pytest

from segue.ingest.columns.misfits import Misfit
from segue.ingest.columns.units import UNITS, UnitDecisions, decide_units, untenable_units


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
        (["201000", "-1", "-1", "0"], "ms"),
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


def test_rows_of_other_files_decide_the_unit_of_durations_if_all_are_placeholders():
    columns = {"energy": (0, None), "duration_s": (1, None)}
    other_rows = [["71", "201000"], ["30", "185000"]]
    for placeholder in ("0", "-1", ""):
        decided = decide_units(columns, [["1", placeholder], ["0", placeholder]], fallback=other_rows)
        assert decided.units == {"energy": "percent", "duration_s": "ms"}


def test_rows_of_other_files_decide_fractions_but_neither_the_duration_nor_the_decimal_comma():
    columns = {"energy": (0, None), "duration_s": (1, None)}
    decided = decide_units(columns, [["1", "201,5"], ["0", "185,25"]], fallback=[["71", "201000"], ["30", "185000"]])
    assert (decided.units, decided.decimal_comma) == ({"energy": "percent", "duration_s": "s"}, True)
    assert set(decided.decisions) == {
        "numbers are written with a decimal comma",
        "energy read as 0 to 100, inferred from the values",
        "duration_s read as seconds, inferred from the values",
    }


MANY = 40
FRACTIONS = [f"0.{n + 10}" for n in range(MANY)]
PERCENTAGES = [str(n + 20) for n in range(MANY)]
QUIET = [str(n % 9) for n in range(MANY)]
UP_TO_3 = [f"{0.7 + n / 20:.3f}" for n in range(MANY)]


@pytest.mark.parametrize(
    ("texts", "others", "unit"),
    [
        (QUIET, FRACTIONS, "tenths"),
        (QUIET, QUIET, "tenths"),
        (QUIET, PERCENTAGES, "percent"),
        (UP_TO_3, PERCENTAGES, "percent"),
        (UP_TO_3, FRACTIONS, None),
        (UP_TO_3, UP_TO_3, None),
        ([*FRACTIONS[:-1], "1.2"], FRACTIONS, "fraction"),
        ([*FRACTIONS[:-4], "12", "34", "56", "78"], FRACTIONS, "fraction"),
        (PERCENTAGES, FRACTIONS, "percent"),
    ],
)
def test_fractions_up_to_10_are_in_tenths_and_those_up_to_3_fit_no_unit(texts, others, unit):
    decided = decide({"energy": texts, "valence": others})
    assert decided.units.get("energy") == unit
    # 0 to 8 beside percentages may be in tenths all the same
    assert list(decided.doubts) == (["energy"] if (texts, others) == (QUIET, PERCENTAGES) else [])
    if unit is None:
        assert decided.misfits["energy"] == Misfit(
            "holds 0.7 to 2.65, too much for 0 to 1 and too little for 0 to 10 or 0 to 100", unit="thirds"
        )
    else:
        assert decided.misfits == {}


@pytest.mark.parametrize(
    ("factor", "unit"), [(0.1, "fraction"), (1, "fraction"), (5, None), (10, None), (18, "tenths"), (100, "percent")]
)
def test_scaled_column_is_read_in_the_unit_of_its_range_or_in_none(factor, unit):
    decided = decide({"energy": [f"{float(text) * factor:.4f}" for text in FRACTIONS], "valence": FRACTIONS})
    assert decided.units.get("energy") == unit
    assert {name: misfit.unit for name, misfit in decided.misfits.items()} == (
        {} if unit else {"energy": "thirds" if factor == 5 else "tenths"}
    )


@pytest.mark.parametrize("texts", [QUIET[2:7], UP_TO_3[-5:], ["2.9", "1.2", "1.8"]])
def test_few_values_up_to_10_stay_percent_with_a_doubt(texts):
    decided = decide({"energy": texts, "valence": FRACTIONS[: len(texts)]})
    assert (decided.units["energy"], decided.misfits) == ("percent", {})
    assert set(decided.doubts) == {"energy"}
    assert "too few to find another unit" in decided.doubts["energy"]


@pytest.mark.parametrize(
    ("texts", "unit"), [(QUIET, "tenths"), (PERCENTAGES, "percent"), (UP_TO_3, None), (FRACTIONS, "fraction")]
)
def test_files_with_the_same_header_decide_what_few_values_cannot(texts, unit):
    columns = {"energy": (0, None), "valence": (1, None)}
    fallback = [*zip(texts, FRACTIONS, strict=True)]
    decided = decide_units(columns, [("2", "0.5"), ("3", "0.5"), ("4", "0.7")], fallback)
    assert decided.units.get("energy") == unit
    assert set(decided.misfits) == ({"energy"} if unit is None else set())
    assert decided.doubts == {}


Z_SCORES = [f"{(n - MANY / 2) / 12:.3f}" for n in range(MANY)]
FLAGS = ["0", "1"] * (MANY // 2)


@pytest.mark.parametrize(
    ("name", "texts", "words"),
    [
        ("energy", Z_SCORES, "standardised"),
        ("bpm", Z_SCORES, "standardised"),
        ("loudness", Z_SCORES, "standardised"),
        ("duration_s", Z_SCORES, "standardised"),
        ("popularity", Z_SCORES, "standardised"),
        ("loudness", FRACTIONS, "normalised to 0 to 1"),
        ("bpm", FRACTIONS, "normalised to 0 to 1"),
        ("duration_s", FRACTIONS, "normalised to 0 to 1"),
        ("loudness", [str(n) for n in range(5, 25)], "holds 5 to 24, expected dB"),
        ("loudness", [str(-100 * n) for n in range(5, 25)], "holds -2400 to -500, expected dB"),
        ("loudness", [f"-{text}" for text in FRACTIONS], "holds -0.49 to -0.1, expected dB"),
        ("bpm", UP_TO_3, "holds 0.7 to 2.65, expected beats per minute"),
        ("bpm", [str(1000 * n) for n in range(MANY)], "holds 1000 to 3.9e+04, expected beats per minute"),
        ("duration_s", [str(10_000_000 * n) for n in range(10, 60)], "expected seconds, milliseconds or minutes"),
        ("bpm", FLAGS, "flags"),
        ("bpm", ["1"] * MANY, "flags"),
        ("popularity", FLAGS, "flags"),
        ("energy", FLAGS, "flags"),
        ("energy", [str(100 * n) for n in range(MANY)], "holds 0 to 3900, expected 0 to 1, 0 to 100 or 0 to 10"),
        ("popularity", [str(9000 * n) for n in range(MANY)], "expected 0 to 100 or 0 to 1"),
        ("energy", ["high", "low"] * MANY, "texts such as 'high'"),
        ("bpm", ["Allegro"] * MANY, "texts such as 'Allegro'"),
    ],
)
def test_column_that_fits_no_unit_is_a_misfit(name, texts, words):
    assert words in decide({name: texts}).misfits[name].reason
    assert decide({name: texts[:19]}).misfits == {}
    declared = {name: (0, UNITS.get(name, (None,))[0])}
    assert decide_units(declared, [[text] for text in texts], trusted=[name]).misfits == {}


@pytest.mark.parametrize(
    "columns",
    [
        {"energy": PERCENTAGES, "instrumentalness": FLAGS},
        {"energy": FRACTIONS, "instrumentalness": ["0"] * MANY},
        {"loudness": ["-7.5", "-3", "-8", "-2", "0.5"] * MANY},
        {"loudness": ["0"] * MANY},
        {"energy": [*FRACTIONS, "-1", "-1", "-1", "-1", "-1", "-1"]},
        {"duration_s": ["-1", "201", "0"] * MANY},
        {"popularity": ["-1", "50", "0"] * MANY},
        {"bpm": ["0", "0", "120"] * MANY},
        {"bpm": ["x", "y", "120"] * MANY},
        {"duration_s": ["3:21", "1:00:00"] * MANY},
        {"energy": [None, ""] * MANY},
    ],
)
def test_columns_that_fit_are_no_misfits(columns):
    decided = decide(columns)
    assert (decided.misfits, decided.doubts) == ({}, {})


def test_few_positive_values_of_loudness_are_a_doubt():
    decided = decide({"loudness": ["0.9", "0.8", "0.7"]})
    assert decided.doubts == {
        "loudness": "loudness read as dB: 3 values of 0.7 to 0.9 are too few to find another unit"
    }


@pytest.mark.parametrize(
    ("texts", "declared", "unit"),
    [
        (["134", "424", "201"], "min", "s"),
        (["134000", "424000", "201000"], "min", "ms"),
        (["134", "424", "201"], "ms", "s"),
        (["3.5", "4.1", "2.9"], "ms", "min"),
        (["201000", "185000", "212000"], "s", "ms"),
        (["3.5", "4.1", "2.9"], None, "min"),
        (["3", "4", "3"], None, "min"),
        (["65", "72", "110"], "min", None),
        (["3.5", "4.1", "2.9"], "s", None),
        (["134", "424"], "min", None),
        (["0.5", "0.8", "0.9"], None, "s"),
        (["12", "201", "185"], None, "s"),
    ],
)
def test_durations_overrule_a_declared_unit_that_cannot_be_true(texts, declared, unit):
    decided = decide({"duration_s": texts}, **({"duration_s": declared} if declared else {}))
    assert decided.units.get("duration_s") == unit
    if declared and unit:
        (sentence,) = decided.decisions
        assert sentence.endswith("which its values rule out")


def test_fractions_overrule_declared_percentages_if_all_are_fractions():
    columns = {"energy": (0, "percent"), "instrumentalness": (1, "percent")}
    rows = [*zip(FRACTIONS, FRACTIONS, strict=True)]
    assert decide_units(columns, rows).units == {"energy": "fraction", "instrumentalness": "fraction"}
    assert decide_units(columns, rows, trusted=["energy", "instrumentalness"]).units == {}
    assert decide_units(columns, rows[:9]).units == {}
    assert decide_units(columns, [*zip(PERCENTAGES, FRACTIONS, strict=True)]).units == {}


@pytest.mark.parametrize(
    ("durations", "expected"), [([0.0] * 30 + [200_000.0] * 25, []), ([200.0] * 25, ["duration_s"])]
)
def test_a_duration_of_0_does_not_rule_out_a_declared_unit(durations, expected):
    assert untenable_units({"duration_s": "ms"}, {"duration_s": durations}) == expected
