"""Ordinary lines that are read by columns give the rows that all lines read record by record give."""

import csv
import io
import itertools
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.ingest import row_collector, text_reader
from segue.ingest.columns.column_matching import ColumnLayout, MatchedColumn
from segue.ingest.formats import csv_columns, json_columns
from segue.ingest.formats.records import Dialect
from segue.ingest.text_reader import FilePlan
from segue.ingest.validation import ARROW_SCHEMA

NAMES = ("id", "title", "note", "tempo")
LAYOUT = ColumnLayout("test", {n: MatchedColumn(i, n) for n, i in (("track_id", 0), ("title", 1), ("bpm", 3))})
CELLS = (
    "a1",
    "Sunrise",
    "Ångström",
    "a, b",
    'say "no"',
    "two\nlines",
    "x\ry",
    '"',
    "",
    " ",
    "\ufeffmark",
    "日本",
    "a;b",
)
PIECES = (
    '"',
    ",",
    '","',
    '""',
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "x",
    "\\",
    " ",
    "\ufeff",
    '"\n',
    ',"',
    "é",
    "\x00",
    "\udcff",
)


def random_text(rng: random.Random, delimiter: str) -> str:
    """Return a CSV of about half ordinary rows, which may be mutated."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=rng.choice(("\n", "\n", "\r\n")))
    writer.writerow(NAMES)
    for number in range(rng.randrange(60)):
        cells = [f"id{number}", "Sunrise", f"Song {number}", str(90 + number)]
        if rng.random() < 0.3:
            cells = [rng.choice((cell, rng.choice(CELLS))) for cell in cells]
        writer.writerow(cells[: rng.choice((4, 4, 4, 4, 3))] + [""] * rng.choice((0, 0, 0, 1)))
    text = stream.getvalue()
    for _ in range(rng.choice((0, 0, 1, 2, 5))):
        index = rng.randrange(len(text) + 1)
        text = text[:index] + rng.choice(PIECES) + text[index + rng.choice((0, 0, 1, 9)) :]
    return text


def read(parts: list[list[bytes]], plan: FilePlan, key_columns: tuple[str, ...], *, is_ordinary: bool) -> list[str]:
    """Return the rows of the lines of one file, each written out, in a sorted list."""
    batches = [
        pa.record_batch(
            {
                "file_id": pa.array([1] * len(lines), pa.int64()),
                "block": pa.array([0] * len(lines), pa.int64()),
                "value": pa.array(lines, pa.binary()),
            }
        )
        for lines in parts
    ]
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(row_collector, "MIN_COLUMN_ROWS", 1)
        if not is_ordinary:
            monkeypatch.setattr(text_reader._OrdinaryCsv, "read", read_all)
        rows = list(text_reader._reader({1: plan}, key_columns, ["bpm"])(iter(batches)))
    return sorted(map(repr, pa.Table.from_batches(rows, ARROW_SCHEMA).to_pylist()))


def read_all(self, parts, *, is_start):
    return self._read_all(parts, is_start=is_start)


def random_parts(text: str, encoding: str, rng: random.Random) -> list[list[bytes]]:
    """Return the lines as Spark splits them, in batches."""
    lines = text.encode(encoding, "surrogateescape").removesuffix(b"\n").split(b"\n")
    bounds = sorted({0, len(lines), *(rng.randrange(len(lines) + 1) for _ in range(rng.randrange(5)))})
    return [lines[start:end] for start, end in itertools.pairwise(bounds)]


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32))
def test_every_file_has_equal_rows_both_ways(seed):
    rng = random.Random(seed)
    delimiter, encoding = rng.choice((",", ";", "\t", "|")), rng.choice(("utf-8", "utf-8", "shift-jis", "cp1252"))
    text = random_text(rng, delimiter)
    if encoding != "utf-8":
        text = text.encode(encoding, "ignore").decode(encoding)
    by_line = rng.random() < 0.3
    key_columns = ("file_id", "block") if by_line or rng.random() < 0.5 else ("file_id",)
    n_skipped = rng.choice((1, 1, 2))
    plan = FilePlan("f", LAYOUT, NAMES, Dialect(delimiter), n_skipped, encoding, has_invalid=True, by_line=by_line)
    parts = random_parts(text, encoding, rng)
    by_record = read(parts, plan, key_columns, is_ordinary=False)
    assert read(parts, plan, key_columns, is_ordinary=True) == by_record


def test_ordinary_lines_and_their_fields():
    regular = ["a,b,1", '"a, b",,2', 'x,"say ""no""",3', " ,é,4"]
    others = ['x,a "b",5', '"a"b,c,6', "a,b", "a,b,c,d", "", "a\rb,c,7", '"a,b,8', "\ufeffa,b,9", None]
    texts = pa.array([*regular, *others])
    ordinary = csv_columns.ordinary_lines(texts, ",", 3)
    assert ordinary.tolist() == [True] * len(regular) + [False] * len(others)
    columns = csv_columns.split_columns(texts.filter(pa.array(ordinary)), ",", 3, (2, 0, 1))
    rows = [[columns[index][row].as_py() for index in range(3)] for row in range(len(regular))]
    assert rows == list(csv.reader(regular))


@pytest.mark.parametrize("last", [b"x,y,,93\r\r", b'"x\ry",,,93', b'x,"y', b"", b'a\r"x\r', b"x,y,,93"])
def test_records_at_the_end_of_a_part_are_read_once(last):
    plan = FilePlan("f", LAYOUT, NAMES, Dialect(","), 1, "utf-8", has_invalid=False)
    rows = [b"id,title,note,tempo", b"a,Sunrise,,90", last]
    for parts in ([rows], [rows, [b"b,Sunset,,91"]], [rows, [b'b",Sunset,,91']], [[*rows, last, b"c,Noon,,92"]]):
        by_record = read(parts, plan, ("file_id",), is_ordinary=False)
        assert read(parts, plan, ("file_id",), is_ordinary=True) == by_record
        assert any("Sunrise" in row for row in by_record)


MEMBERS = {
    "track_id": "id",
    "title": "title",
    "artist": "artists",
    "bpm": "audio.tempo",
    "loudness": "loudness",
    "year": "year",
    "explicit": "explicit",
    "key": "key",
}
JSON_LAYOUT = ColumnLayout("test", {n: MatchedColumn(i, m) for i, (n, m) in enumerate(MEMBERS.items())})
JSON_CELLS = (
    *("120", "-7.25", "1e2", "1E-400", "1e999", "-0", "-0.0", "0", "12345678901234567890123", "0.1234567890123456789"),
    *("null", "true", "false", "NaN", "Infinity", "-Infinity", "Inf", "-NaN", "01", "1.", "tru", "{}", "[]", '""'),
    *('"71"', '"3:21"', '"x"', '"NaN"', '"To Inf, Inf"', '"\\u00e9\\n"', '"\\ud83d\\ude00"', '"\\udc00"', '"\\ud800"'),
    *(
        '["a", null]',
        '["é"]',
        '["a","\\"b"]',
        "[1, 2.50]",
        '[["a"]]',
        '[{"name": "a"}]',
        '{"name": "a"}',
        '{"tempo": 97}',
    ),
    *(
        '{"tempo": {"x": 1}}',
        '{"tempo": 1, "tempo": 2}',
        "[" * 3000 + "]" * 3000,
        '"tab\there"',
        '"Ångström"',
        "1998.0",
    ),
)
JSON_PIECES = (
    *("{", "}", "[", "]", '"', ",", ":", "\n", "\r", " ", "\t", "\\", "\x00", "\ufeff", "é", "}{", "}\n{", "\udcff"),
    *('"title": "again",', '"audio.tempo": 7,', '"audio\\u002etempo": 8,', '"t\\u0069tle": 9,', "//", "\u2028"),
)


def random_json(rng: random.Random) -> str:
    """Return lines of JSON, most of them objects with the same types, which may be mutated."""
    lines = []
    for number in range(rng.randrange(40)):
        members = {
            "id": f'"id{number}"',
            "title": f'"Song {number}"',
            "artists": rng.choice(('["a", "b"]', '["c"]')),
            "audio": f'{{"tempo": {90 + number}.5}}',
            "loudness": str(-number),
            "year": str(1970 + number),
            "explicit": "false",
            "key": str(number % 12),
            "other": '"x"',
        }
        for name in members:
            if rng.random() < 0.02:
                members[name] = rng.choice(JSON_CELLS)
        space = rng.choice(("", "", " "))
        items = [f'"{name}":{space}{value}' for name, value in members.items() if rng.random() < 0.98]
        lines.append("{" + f",{space}".join(items) + "}")
    text = rng.choice(("\n", "\n", "\r\n")).join(lines)
    for _ in range(rng.choice((0, 0, 1, 2, 5))):
        index = rng.randrange(len(text) + 1)
        text = text[:index] + rng.choice(JSON_PIECES) + text[index + rng.choice((0, 0, 1, 9)) :]
    return text


@settings(max_examples=200)
@given(seed=st.integers(0, 2**32))
def test_every_json_file_has_equal_rows_both_ways(seed):
    rng = random.Random(seed)
    encoding, text = rng.choice(("utf-8", "utf-8", "cp1252")), random_json(rng)
    if encoding != "utf-8":
        text = text.encode(encoding, "ignore").decode(encoding)
    plan = FilePlan("f", JSON_LAYOUT, tuple(MEMBERS.values()), None, 0, encoding, has_invalid=True)
    parts = random_parts(text, encoding, rng)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(json_columns, "MIN_BLOCK_LINES", 1)
        by_columns = read(parts, plan, ("file_id", "block"), is_ordinary=True)
        monkeypatch.setattr(json_columns, "ordinary_lines", lambda texts: np.zeros(len(texts), dtype=bool))
        assert by_columns == read(parts, plan, ("file_id", "block"), is_ordinary=True)


def test_lines_that_hold_two_objects_or_half_of_one_or_very_deep_ones_are_no_objects():
    lines = [f'{{"id": "id{n}", "title": "Song", "audio": {{"tempo": {90 + n}}}}}'.encode() for n in range(40)]
    for unusual in (
        [lines[0] + lines[1]],
        [b'{"id": "a",', b'"title": "b"}'],
        [b'{"id": {"x": 1}', b'{"title": "b"}}'],
    ):
        plan = FilePlan("f", JSON_LAYOUT, tuple(MEMBERS.values()), None, 0, "utf-8", has_invalid=False)
        rows = read([[*lines, *unusual]], plan, ("file_id", "block"), is_ordinary=True)
        assert sum("not a JSON object" in row for row in rows) == len(unusual)
        assert len(rows) == len(lines) + len(unusual)


@pytest.mark.parametrize("fault", [b'c3,"Noon,,92', b"c3,No\x00on,,92"])
def test_lines_after_a_fault_are_scanned_and_not_read(fault):
    class Accumulator:
        def __init__(self) -> None:
            self.added = []

        def add(self, pairs):
            self.added += pairs

    parts = [[b"id,title,note,tempo", b"a1,Sunrise,,90"], [b"b2,Sunset,,91", fault], [b"d4,Dusk,,93"]]
    batches = [
        pa.record_batch(
            {
                "file_id": pa.array([1] * len(lines), pa.int64()),
                "block": pa.array([0] * len(lines), pa.int64()),
                "value": pa.array(lines, pa.binary()),
                "hash": pa.array(range(len(lines)), pa.int64()),
            }
        )
        for lines in parts
    ]
    plan = FilePlan("f", LAYOUT, NAMES, Dialect(","), 1, "utf-8", has_invalid=True)
    collector = text_reader.ScanCollector("auto", Accumulator())
    rows = list(text_reader._reader({1: plan}, ("file_id", "block"), ["bpm"], collector)(iter(batches)))
    assert [row["title"] for row in pa.Table.from_batches(rows, ARROW_SCHEMA).to_pylist()] == ["Sunrise"]
    ((block, scan),) = collector.blocks.added
    assert (block, scan.n_lines, scan.head[-1]) == ((1, 0), 5, b"d4,Dusk,,93")
