"""Rename, scale and shuffle the columns of a catalogue: the right columns and units come out, or something says no.

Names are those of ``conf/sources``, scales those of known units. A file may be refused, or a warning may name the
column; a column that is read in a wrong unit, or from a wrong column, without either is the fault looked for.
"""

import os

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core import packaged
from segue.ingest.columns.column_matching import match_columns
from segue.ingest.columns.layout_memory import Remembered
from segue.ingest.columns.sources import load_sources

SOURCES = load_sources(packaged.conf() / "sources")
N_ROWS = 80
fuzzed = settings(
    max_examples=int(os.environ.get("SEGUE_FUZZ", "2")) * 30,
    derandomize="SEGUE_FUZZ" not in os.environ,
    database=None,
)
FRACTIONS = ("energy", "danceability", "liveness", "valence", "acousticness", "speechiness", "instrumentalness")
REQUIRED = ("bpm", "loudness", "liveness", "valence", "acousticness", "speechiness")
FACTORS = {"fraction": 1, "percent": 100, "tenths": 10, "s": 1, "ms": 1000, "min": 1 / 60}


def catalogue():
    """Return the values of each column, in the unit of the table ``tracks``, spread as in published catalogues."""
    random = np.random.default_rng(23)
    numbers = {
        "bpm": random.normal(120, 25, N_ROWS).clip(55, 210),
        "loudness": -random.gamma(3, 2.7, N_ROWS).clip(0.5, 40),
        "energy": random.beta(4, 2.5, N_ROWS),
        "danceability": random.beta(6, 5, N_ROWS),
        "liveness": random.beta(1.6, 6, N_ROWS),
        "valence": random.beta(2, 2, N_ROWS),
        "acousticness": random.beta(0.6, 1.2, N_ROWS),
        "speechiness": 0.02 + random.beta(0.8, 9, N_ROWS),
        "instrumentalness": random.beta(0.2, 1.5, N_ROWS),
        "duration_s": random.normal(220, 50, N_ROWS).clip(60, 600),
        "popularity": random.beta(2, 2, N_ROWS) * 100,
    }
    texts = {
        "title": [f"Song of {word}" for word in random.permutation(N_ROWS)],
        "artist": [f"Band {word}" for word in random.integers(0, 30, N_ROWS)],
        "genre": list(random.choice(["rock", "pop", "jazz"], N_ROWS)),
    }
    return numbers, texts


NUMBERS, TEXTS = catalogue()
NAMES = {
    column: sorted({(name, unit) for s in SOURCES for name, (target, unit) in s.headers.items() if target == column})
    for column in (*NUMBERS, *TEXTS)
}


def written(column, unit, digits):
    """Return the texts of a column in a unit."""
    if column in TEXTS:
        return TEXTS[column]
    factor = FACTORS.get(unit or "", 1) / (100 if column == "popularity" else 1)
    return [f"{value * factor:.{digits}f}" for value in NUMBERS[column]]


@st.composite
def units_of_file(draw):
    """Return a unit for each column that may have several; most fractions of a file have the same."""
    common = draw(st.sampled_from(["fraction", "percent"]))
    units = {name: draw(st.sampled_from([common, common, common, "fraction", "percent"])) for name in FRACTIONS}
    for name in ("energy", "danceability"):
        units[name] = draw(st.sampled_from([units[name], units[name], units[name], "tenths"]))
    others = {"duration_s": ["s", "ms", "min"], "popularity": ["percent", "percent", "fraction"]}
    return units | {name: draw(st.sampled_from(each)) for name, each in others.items()}


@st.composite
def headers(draw, units):
    """Return the columns of a file in some order, and a name for each that is known in its unit."""
    columns = draw(st.permutations([*NUMBERS, *TEXTS]))
    fitting = [[name for name, unit in NAMES[c] if unit in (None, units.get(c))] for c in columns]
    return columns, [draw(st.sampled_from(names)) for names in fitting]


def rows_of(columns, units):
    cells = [written(name, units.get(name), 2 if units.get(name) in ("percent", "s", "ms") else 4) for name in columns]
    return list(zip(*cells, strict=True))


def silent_faults(columns, header, units, layout):
    """Return the columns read from elsewhere or in another unit that neither a warning nor a refusal names."""
    if layout.refusals or {*REQUIRED} - layout.columns.keys():
        return {}
    named = " ".join(layout.warnings)
    return {
        column: (layout.columns[column], header[index], units.get(column))
        for index, column in enumerate(columns)
        if column in layout.columns
        and (layout.columns[column].index, layout.columns[column].unit) != (index, units.get(column))
        and column not in named
        and repr(header[index]) not in named
    }


@fuzzed
@given(st.data())
def test_no_column_is_read_from_another_or_in_a_wrong_unit_in_silence(data):
    units = data.draw(units_of_file())
    columns, header = data.draw(headers(units))
    rows = rows_of(columns, units)
    layout = match_columns(header, rows, SOURCES, rows, REQUIRED)
    assert silent_faults(columns, header, units, layout) == {}
    # the next delivery of the header, in other units: refused, right, or warned of
    memory = {name: Remembered(value, "day1.csv") for name, value in layout.decided.items()}
    later_units = data.draw(units_of_file())
    later = rows_of(columns, later_units)
    layout = match_columns(header, later, SOURCES, later, REQUIRED, memory)
    assert silent_faults(columns, header, later_units, layout) == {}


def test_a_file_as_published_is_read_right():
    units = dict.fromkeys(FRACTIONS, "percent") | {"duration_s": "ms", "popularity": "percent"}
    columns = [*NUMBERS, *TEXTS]
    header = ["tempo", "loudness", *FRACTIONS, "duration_ms", "popularity", "track_name", "artists", "genre"]
    rows = rows_of(columns, units)
    layout = match_columns(header, rows, SOURCES, rows, REQUIRED)
    assert {name: (column.index, column.unit) for name, column in layout.columns.items()} == {
        name: (index, units.get(name)) for index, name in enumerate(columns)
    }
    assert not layout.refusals
