"""Validation by columns gives the values, ids and reasons that validation row by row gives."""

import json
import random
import sys
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue import schema
from segue.ingest import parsing, row_collector
from segue.ingest.columns.column_matching import ColumnLayout, MatchedColumn
from segue.ingest.columns.sources import UNITS
from segue.ingest.row_collector import RowCollector
from segue.ingest.validation import ARROW_SCHEMA

NUMBERS = (
    *(
        "0",
        "1",
        "-1",
        "0.5",
        "71",
        "120.25",
        "-7.25",
        "1e-05",
        "2.5E2",
        "-0",
        "0.1234567890123456789",
        "1" * 20,
        "9" * 400,
    ),
    *(
        ".5",
        "5.",
        "+3",
        " 12 ",
        "1,412",
        "0,53",
        "-0,5",
        "1.234,5",
        "1,5e1",
        "50%",
        "120 bpm",
        "[0.5]",
        "[]",
        "nan",
        "NaN",
    ),
    *(
        "inf",
        "-99",
        "-9999",
        "1e999",
        "1_000",
        "\u0663",
        "0x10",
        "3:21",
        "1:00:00",
        "3:99",
        "300000",
        "4.1",
        "0.07",
        "f",
    ),
    *(
        "--",
        "1e",
        "1e+",
        "e5",
        "1.5.2",
        "0.5\n",
        "\u00a00.5",
        "1e-300",
        "300.0000001",
        "100",
        "100.1",
        "6",
        "-60",
        "300",
    ),
)
NAMES = (
    *(
        "Sunrise",
        " padded ",
        "two  spaces",
        "",
        " ",
        "NA",
        "null",
        "-",
        "<NA>",
        "empty_field",
        "#N/A",
        "\\N",
        "Unknown",
    ),
    *("?", "unknown artist", " Unknown Artist ", "['Simon', 'Garfunkel']", "[dunkelbunt]", "{'a', 'b'}", "set()", "[]"),
    *("['']", "['?']", "a)", 'c("a", "b")', "Beyonce\u0301", "Ångström", "\u212bngstro\u0308m", "日本", "tab\tinside"),
    *(
        "\u2028line",
        "\x1funit",
        "\x7f",
        "\u00a0nbsp\u00a0",
        "İstanbul",
        "\u212a",
        "é",
        "a\x00b",
        "spotify:track:abc",
        "NaN",
    ),
)
IDS = (
    *(
        "6f807x0ima9a1j3VPbc7VN",
        "id-1_x",
        "spotify:track:6f8",
        "https://open.spotify.com/intl-de/track/6f8?si=1",
        "null",
    ),
    *("None", "-", "--", "undefined", " 17 ", "spotify:track:?", "a b", "é1", "", "NA", "nil", "http://x/y", "[]", "0"),
)
GENRES = ("rock", "rock, pop", "pop|rock", "a;b", "['soul', 'jazz', 'soul']", "?", "", "Folk, World, & Country", "é")
YEARS = ("1999", "2004-02-10", "0", "0000", "1999.0", "soon", "", "-1", "14/06/2019", "0999", " 1975 ", "9999", "999")
TEXTS = {
    **dict.fromkeys(("title", "artist", "album"), NAMES),
    "track_id": IDS,
    "genre": GENRES,
    "year": YEARS,
    "key": ("7", "C#", "8B", "F#m", "-1", "", "12", "Bb minor", "x"),
    "mode": ("1", "0.0", "Major", "moll", "-1", ""),
    "time_signature": ("4", "3.0", "6/8", "0", "", "x"),
    "isrc": ("USRC17607839", "us-rc1-76-07839", "USRC1760783", "", "ISRC:USRC17607839", "É"),
    "explicit": ("True", "0", "Clean", "maybe", ""),
    **{feature.name: NUMBERS for feature in schema.NUMBERS},
}
USUAL = {
    **{feature.name: ("0.5", "1", "0.25", "1e-05") for feature in schema.NUMBERS},
    **dict.fromkeys(("title", "artist", "album"), ("Sunrise", "Don't Know Why", "Beyoncé")),
    **{
        "track_id": ("a1", "b2", ""),
        "year": ("1999", "2004-02-10"),
        "loudness": ("-7.5", "-3"),
        "bpm": ("120.5", "90"),
    },
}
DOUBLES = (0.0, -0.0, -1.0, -99.0, 0.5, 1.0, 71.0, 120.25, 1e-05, 1e300, 2.0**53 + 2, float("nan"), float("inf"), -7.25)
WRITTEN = {"nan": "NaN", "inf": "Infinity", "1e-05": "1.0E-5", "1e+300": "1.0E300"}
"""Doubles as Java writes them, where Python writes something else."""
OTHER_LETTERS = "0123456789.,-+eE%: '\"[]()\\NAn?é\u0301\u00a0\t"


def mutate(text: str, rng: random.Random) -> str:
    """Return a text with up to two characters removed, inserted or replaced."""
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        index = rng.randrange(len(text) + 1)
        text = text[:index] + rng.choice(("", rng.choice(OTHER_LETTERS))) + text[index + rng.randrange(2) :]
    return text


def random_layout(rng: random.Random) -> ColumnLayout:
    names = [name for name in TEXTS if rng.random() < 0.8] or ["title"]
    units = {name: UNITS["energy"] if name in UNITS and "tenths" in UNITS[name] else UNITS.get(name) for name in names}
    columns = {
        name: MatchedColumn(index, name, rng.choice(tuple(units[name])) if units[name] else None)
        for index, name in enumerate(names)
    }
    separator = rng.choice((None, ",", ";", "|"))
    return ColumnLayout("test", columns, decimal_comma=rng.random() < 0.3, genre_separator=separator)


def random_rows(layout: ColumnLayout, n_rows: int, rng: random.Random) -> list[dict[str, str | None]]:
    """Return rows of which about half hold usual texts alone."""

    def text(name: str, is_usual: bool) -> str | None:
        if is_usual or rng.random() < 0.7:
            return rng.choice(USUAL.get(name, TEXTS[name]))
        return rng.choice((None, mutate(rng.choice(TEXTS[name]), rng), rng.choice(TEXTS[name])))

    usual = [rng.random() < 0.5 for _ in range(n_rows)]
    return [{name: text(name, is_usual) for name in layout.columns} for is_usual in usual]


def validated(layout, rows, required, min_column_rows, monkeypatch) -> list[str]:
    """Return the validated rows, each written out, in a sorted list."""
    monkeypatch.setattr(row_collector, "MIN_COLUMN_ROWS", min_column_rows)
    collector = RowCollector(required)
    for number, texts in enumerate(rows):
        collector.add(f"f{number % 2}", f"raw {number}", layout, texts)
    return written_out(collector.batches())


def written_out(batches) -> list[str]:
    """Return the rows of batches, each written out, in a sorted list."""
    batches = list(batches)
    for batch in batches:
        batch.validate(full=True)
    return sorted(map(repr, pa.Table.from_batches(batches, ARROW_SCHEMA).to_pylist()))


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_columns_and_rows_have_equal_results(seed):
    rng = random.Random(seed)
    layout = random_layout(rng)
    required = [name for name in schema.FEATURE_NAMES if name in layout.columns and rng.random() < 0.3]
    if rng.random() < 0.02:
        required.append("bpm")
    rows = random_rows(layout, 80, rng)
    with pytest.MonkeyPatch.context() as monkeypatch:
        by_row = validated(layout, rows, required, sys.maxsize, monkeypatch)
        assert validated(layout, rows, required, 1, monkeypatch) == by_row


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_doubles_and_their_texts_have_equal_results(seed):
    rng = random.Random(seed)
    layout = random_layout(rng)
    names = [feature.name for feature in schema.NUMBERS if feature.name in layout.columns and rng.random() < 0.7]
    doubles = [
        {name: rng.choice((*DOUBLES, None, rng.random(), 200 * rng.random())) for name in names} for _ in range(60)
    ]
    texts = [{name: None if x is None else WRITTEN.get(repr(x), repr(x)) for name, x in row.items()} for row in doubles]
    rows = [row | text for row, text in zip(random_rows(layout, 60, rng), texts, strict=True)]
    raws = [json.dumps(row) for row in texts]
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in layout.columns}
    columns |= {name: pa.array([row[name] for row in doubles], pa.float64()) for name in names}
    by_text, by_double = RowCollector(["bpm"]), RowCollector(["bpm"])
    for raw, row in zip(raws, rows, strict=True):
        by_text.add("f", raw, layout, row)
    batches = [*by_double.add_columns("f", pa.array(raws), layout, columns), *by_double.batches()]
    assert written_out(batches) == written_out(by_text.batches())


def test_ordinary_rows_are_not_validated_one_by_one(monkeypatch):
    def refuse(*_):
        raise AssertionError("a row was validated by itself, expected validation by columns alone")

    monkeypatch.setattr("segue.ingest.validation.RowValidator.validate", refuse)
    monkeypatch.setattr("segue.ingest.validation.RowValidator.number", refuse)
    layout = ColumnLayout("test", {name: MatchedColumn(index, name) for index, name in enumerate(USUAL)})
    rows = [{name: texts[number % 2] for name, texts in USUAL.items()} for number in range(100)]
    assert len(validated(layout, rows, ["bpm"], 32, monkeypatch)) == 100


def test_no_text_beyond_ascii_becomes_a_placeholder_in_lower_case():
    letters = (chr(code) for code in range(128, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    assert not [c for c in letters if c.lower().isascii() and unicodedata.is_normalized("NFC", c)]
    placeholders = parsing.MISSING_VALUES | parsing.UNKNOWN_ARTISTS | parsing.MISSING_NAMES
    assert all(text.isascii() for text in placeholders)
