"""A row becomes the values of a track, with every reason why it is none."""

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.ingest.column_matching import ColumnLayout, MatchedColumn
from segue.ingest.validation import RowValidator, text_digest, track_identity

UNITS: dict[str, str | None] = {"energy": "percent", "acousticness": "percent", "duration_s": "s"}
GOOD = {"title": "Sunrise", "artist": "Norah Jones", "bpm": "157", "energy": "30", "acousticness": "94"}


def judge(texts: dict[str, str | None], required=(), decimal_comma: bool = False, **units: str | None):
    units = UNITS | units
    columns = {name: MatchedColumn(i, name, units.get(name)) for i, name in enumerate(texts)}
    return RowValidator(ColumnLayout("test", columns, decimal_comma=decimal_comma), required)(texts)


def reasons(required=("bpm", "acousticness"), **changed: str | None) -> list[str]:
    return judge(GOOD | changed, required)[1]


def test_good_row_has_values_and_no_reasons():
    values, told = judge(GOOD | {"genre": "['soul', 'jazz', 'soul']", "year": "2004-02-10"}, ["bpm"])
    assert told == []
    assert (values["bpm"], values["energy"], values["acousticness"]) == (157.0, 0.30, 0.94)
    assert (values["genre"], values["genres"], values["year"]) == ("soul", ["jazz", "soul"], 2004)
    assert (values["album"], values["loudness"], values["duration_s"]) == (None, None, None)


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"acousticness": "f"}, ["acousticness 'f' is not a number"]),
        ({"bpm": "0"}, ["bpm 0 outside [1, 300]"]),
        ({"bpm": " 300.5 "}, ["bpm 300.5 outside [1, 300]"]),
        ({"bpm": "1e3"}, ["bpm 1e3 outside [1, 300]"]),
        ({"bpm": "NaN"}, ["bpm 'NaN' is not a number"]),
        ({"bpm": "inf"}, ["bpm 'inf' is not a number"]),
        ({"bpm": ""}, ["bpm missing"]),
        ({"bpm": None}, ["bpm missing"]),
        ({"bpm": "n/a"}, ["bpm missing"]),
        ({"energy": ""}, []),
        ({"energy": "x"}, ["energy 'x' is not a number"]),
        ({"energy": "101"}, ["energy 101 outside [0, 100]"]),
        ({"energy": "-1"}, ["energy -1 outside [0, 100]"]),
        ({"loudness": "7"}, ["loudness 7 outside [-60, 6]"]),
        ({"duration_s": "0"}, ["duration_s 0 outside (0, inf)"]),
        ({"duration_s": "0:00"}, ["duration_s 0:00 outside (0, inf)"]),
        ({"duration_s": "3:99"}, ["duration_s '3:99' is not a number"]),
        ({"popularity": "100.1"}, ["popularity 100.1 outside [0, 100]"]),
        ({"year": "soon"}, ["year 'soon' is not a year"]),
        ({"year": "0"}, []),
        ({"title": " "}, ["title missing"]),
        ({"artist": "[]"}, ["artist missing"]),
        ({"title": None, "artist": "-"}, ["title missing", "artist missing"]),
        ({"bpm": "x" * 90}, [f"bpm '{'x' * 80}…' is not a number"]),
    ],
)
def test_reasons_quote_the_value(changed, wanted):
    assert reasons(**changed) == wanted


def test_every_broken_rule_is_told():
    told = reasons(title="", bpm="0", acousticness="f", energy="", year="x", loudness="99")
    assert sorted(told) == sorted(
        [
            "title missing",
            "year 'x' is not a year",
            "bpm 0 outside [1, 300]",
            "loudness 99 outside [-60, 6]",
            "acousticness 'f' is not a number",
        ]
    )


@pytest.mark.parametrize("edge", [{"bpm": "1"}, {"bpm": "300"}, {"energy": "0"}, {"energy": "100"}, {"loudness": "6"}])
def test_ranges_are_closed(edge):
    assert reasons(**edge) == []


def test_feature_that_is_not_required_may_be_missing():
    assert reasons(required=(), bpm="", acousticness="-") == []


def test_percentages_are_the_nearest_fractions():
    assert judge(GOOD | {"energy": "71"})[0]["energy"] == 0.71
    for whole in range(101):
        assert judge(GOOD | {"energy": str(whole)})[0]["energy"] == float(f"{whole}e-2")


@pytest.mark.parametrize(
    ("text", "unit", "seconds"),
    [("201000", "ms", 201.0), ("230666", "ms", 230.666), ("201", "s", 201.0), ("3:21", "s", 201.0),
     ("3:21", "ms", 201.0), ("1,412", "s", 1412.0), ("3.5", "min", 210.0), ("4.1", "min", 246.0),
     ("3:21", "min", 201.0), ("201", None, 201.0)],
)  # fmt: skip
def test_durations_become_seconds(text, unit, seconds):
    values, told = judge(GOOD | {"duration_s": text}, duration_s=unit)
    assert told == []
    assert values["duration_s"] == pytest.approx(seconds, rel=1e-12)
    whole = {**values, "duration_s": seconds}
    assert values["track_id"] == track_identity(whole)  # the same track from a file in other units


@pytest.mark.parametrize("unit", ["s", "ms", "min"])
def test_endless_duration_is_no_duration(unit):
    assert len(judge(GOOD | {"duration_s": "1.7e308"}, duration_s=unit)[1]) == (unit == "min")


def test_popularity_as_a_fraction_is_of_a_hundred():
    assert judge(GOOD | {"popularity": "0.5"}, popularity="fraction")[0]["popularity"] == 50.0
    assert judge(GOOD | {"popularity": "1.5"}, popularity="fraction")[1] == ["popularity 1.5 outside [0, 1]"]


def test_decimal_commas_where_the_file_has_them():
    values, told = judge(GOOD | {"bpm": "120,5"}, decimal_comma=True)
    assert (values["bpm"], told) == (120.5, [])
    assert judge(GOOD | {"bpm": "120,5"})[1] == ["bpm '120,5' is not a number"]


def test_identity_by_hand():
    row = {"title": " Sun  RISE ", "artist": "['Norah Jones', 'X']", "album": "A\tb", "year": "2004"}
    values, _ = judge(row | {"duration_s": "201.9"})
    written = "\x1f".join(["sun rise", "norah jones; x", "a b", "2004", "201"])
    assert values["track_id"] == hashlib.sha256(written.encode()).hexdigest()[:32]
    assert values["title"] == "Sun  RISE"
    bare, _ = judge({"title": "e\u0301", "artist": "b"})
    assert (
        bare["track_id"]
        == hashlib.sha256("é\x1fb\x1f\x1f\x1f".encode()).hexdigest()[:32]
        == text_digest("é\x1fb\x1f\x1f\x1f")
    )


def test_own_id_goes_before_identity():
    assert judge(GOOD | {"track_id": "spotify:track:6f807 "})[0]["track_id"] == "6f807"
    assert judge(GOOD | {"track_id": " "})[0]["track_id"] == judge(GOOD)[0]["track_id"]


def test_file_without_titles_or_artists():
    values, told = judge({"track_id": "6f807", "bpm": "120"})
    assert (values["title"], values["artist"], told) == (None, None, [])


def test_row_with_neither_title_nor_id_is_no_track():
    _, told = judge({"track_id": "", "bpm": "120"})
    assert len(told) == 1
    assert told[0].endswith(" missing")


@pytest.mark.parametrize("artist", ['["\\ud800"]', "['a\\udfff']"])
def test_half_a_character_is_written_somehow_or_rejected(artist):
    values, told = judge(GOOD | {"artist": artist})
    assert told or values["artist"].encode("utf-8")


@given(st.dictionaries(st.sampled_from([*GOOD, "track_id", "album", "genre", "year", "duration_s"]), st.text()))
def test_any_row_is_judged(texts):
    values, told = judge(texts | {"artist": "a"}, ["bpm"])
    assert len(values["track_id"]) > 0
    # without a title it has an id of its own, which stands for one
    assert told or values["title"] or ("title" not in texts and values["track_id"] != track_identity(values))


def test_order_of_columns_does_not_matter():
    mixed = dict(random.Random(0).sample(list(GOOD.items()), len(GOOD)))
    assert judge(mixed) == judge(GOOD)


def test_year_that_is_not_known_is_null():
    assert [judge(GOOD | {"year": text})[0]["year"] for text in ("0", "0000-00-00", "", "1975")] == [None] * 3 + [1975]
