"""Split lines into records, as Python's csv and json modules do, each with its raw text."""

import csv
import io
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.ingest.formats import text_scan
from segue.ingest.formats.records import (
    Dialect,
    MemberNames,
    csv_records,
    field_count_error,
    json_object,
    split_lines,
)

COMMA = Dialect(",")


def lines_of(text: str) -> list[str]:
    """Split a text as the job does: Spark splits at line feeds, and ``split_lines`` at lone carriage returns."""
    return [line for part in terminated(text).split("\n")[:-1] for line in split_lines(part + "\n")]


def terminated(text: str) -> str:
    """Return a text with a line feed at its end, because Spark returns a last line with and without one alike."""
    return text if text.endswith("\n") or not text else text + "\n"


def records(text: str, dialect: Dialect = COMMA) -> list[tuple[list[str] | str, str]]:
    """Return the fields and raw text of every record."""
    return list(csv_records(lines_of(text), dialect))


TEXTS = st.text(alphabet='a,;"\n\r\té\x00 ', max_size=40) | st.lists(
    st.lists(st.text(alphabet='ab,"\n\r', max_size=5), min_size=1, max_size=3), max_size=4
).map(lambda rows: quoted_csv(rows))


def quoted_csv(rows: list[list[str]], end: str = "\n") -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    return stream.getvalue()


@given(TEXTS)
def test_lines_are_split_as_by_python(text):
    assert lines_of(text) == list(io.StringIO(terminated(text), newline=""))


@pytest.mark.parametrize("text", ["a\rb\n", "\ra\n", "a\r\n", "\r\n", "\r\r\n", "a\n", "a\r\rbc\n"])
def test_lone_carriage_return_ends_a_line(text):
    assert split_lines(text) == list(io.StringIO(text, newline=""))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@given(text=TEXTS)
def test_records_are_those_of_csv_reader(delimiter, text):
    rows = [row for row in csv.reader(io.StringIO(terminated(text), newline=""), delimiter=delimiter) if row]
    assert [fields for fields, _ in records(text, Dialect(delimiter))] == rows


@given(TEXTS)
def test_raw_texts_and_line_ends_make_up_the_input(text):
    rest = text
    for _, raw in records(text):
        rest = rest.lstrip("\r\n")
        assert rest.startswith(raw)
        rest = rest.removeprefix(raw)
    assert rest.strip("\r\n") == ""


@given(st.lists(st.lists(st.text(alphabet='ab,"\n\r', max_size=5), min_size=2, max_size=3), max_size=4))
def test_each_raw_text_parses_to_its_record(rows):
    for end in ("\n", "\r\n", "\r"):
        parsed = records(quoted_csv(rows, end))
        assert [fields for fields, _ in parsed] == rows
        assert [[fields for fields, _ in records(raw)] for _, raw in parsed] == [[row] for row in rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n\r\n\r", []),
        ("a,b\n\nc,d", [(["a", "b"], "a,b"), (["c", "d"], "c,d")]),
        ("a,b\r\nc,d\r\n", [(["a", "b"], "a,b"), (["c", "d"], "c,d")]),
        ("a,b\rc,d\r", [(["a", "b"], "a,b"), (["c", "d"], "c,d")]),
        ('1,"two\nlines",3\n', [(["1", "two\nlines", "3"], '1,"two\nlines",3')]),
        ('1,"two\r\nlines"\r\n2\r\n', [(["1", "two\r\nlines"], '1,"two\r\nlines"'), (["2"], "2")]),
        ('"say ""hi""",x\n', [(['say "hi"', "x"], '"say ""hi""",x')]),
        ('a"b,c\n', [(['a"b', "c"], 'a"b,c')]),
        ('a\n"left open,\nb', [(["a"], "a"), (["left open,\nb\n"], '"left open,\nb')]),
        (" \n", [([" "], " ")]),
        ('""\n', [([""], '""')]),
        (",\n", [(["", ""], ",")]),
        ("a\x00b,c\n", [(["a\x00b", "c"], "a\x00b,c")]),
    ],
)
def test_records_by_hand(text, expected):
    assert records(text) == expected


def test_long_field_is_parsed():
    long = "x" * 200_000
    assert records(f'a,"{long}"\n')[0][0] == ["a", long]


@pytest.mark.guard("csv-error-rejects-row")
def test_record_that_csv_refuses_has_an_error_message():
    (message, raw), following = csv_records(["a\rb,c\n", "d,e\n"], COMMA)
    assert message.startswith("not CSV: ")
    assert raw == "a\rb,c"
    assert following == (["d", "e"], "d,e")


def test_wrapped_lines_have_unwrapped_fields_and_wrapped_raw_text():
    text = '1,plain,2;;\n"1,""a, b"",2";;\n;;\n'
    *complete, (empty, _) = records(text, Dialect(",", ";"))
    assert complete == [(["1", "plain", "2"], "1,plain,2;;"), (["1", "a, b", "2"], '"1,""a, b"",2";;')]
    assert field_count_error(empty, 3) == "0 fields, the header has 3"


@pytest.mark.parametrize(
    ("fields", "n_columns", "message"),
    [
        (["a", "b"], 2, None),
        (["a", "b", "", ""], 2, None),
        (["a", "b", "", "c"], 2, "4 fields, the header has 2"),
        (["a"] * 16, 15, "16 fields, the header has 15"),
        (["a"], 2, "1 field, the header has 2"),
        ([], 2, "0 fields, the header has 2"),
        (["a", ""], 3, "2 fields, the header has 3"),
    ],
)
def test_field_count_error(fields, n_columns, message):
    assert field_count_error(fields, n_columns) == message


@pytest.mark.parametrize(
    ("line", "members"),
    [
        ('{"name": "a", "tempo": 120.50, "key": 5, "n": null}',
         {"name": "a", "tempo": "120.50", "key": "5", "n": None}),
        ('{"album": {"name": "x", "d": {"y": 1}}}', {"album.name": "x", "album.d.y": "1"}),
        ('{"x": NaN, "y": -Infinity, "z": 1e999}', {"x": "NaN", "y": "-Infinity", "z": "1e999"}),
        ('{"explicit": true}', {"explicit": "true"}),
        ("{}", {}),
        ('{"n": %s}' % ("9" * 5000), {"n": "9" * 5000}),
    ],
)  # fmt: skip
def test_json_members_are_text_as_written(line, members):
    assert json_object(line) == members


def test_json_list_is_json_text():
    text = json_object('{"artists": [{"name": "Bj\\u00f6rk"}, {"name": "b"}], "genres": ["c"]}')
    assert json.loads(text["artists"]) == [{"name": "Björk"}, {"name": "b"}]
    assert json.loads(text["genres"]) == ["c"]


@pytest.mark.parametrize("line", ["", "a,b", "[1]", '"a"', "null", "3", '{"a": 1', "{'a': 1}", '{"a": 1} {"b": 2}'])
def test_lines_without_a_json_object(line):
    assert json_object(line) is None


@pytest.mark.parametrize("depth", [100, 900, 980, 1000, 2000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_deep_json_is_parsed_or_refused(depth, opening, closing):
    members = json_object('{"b":' + opening * depth + "1" + closing * depth + "}")
    assert members is None or len(members) == 1


@given(st.dictionaries(st.text(), st.text() | st.none(), max_size=4))
def test_json_as_python_writes_it(members):
    assert json_object(json.dumps(members)) == members


def test_lone_surrogates_in_a_json_name_become_encodable():
    for name in json_object('{"\\ud800": "a", "title": "b"}') or ():
        name.encode("utf-8")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet='a"\\[]{},:é', max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=2),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c", "a.b", 'd"', "é"]), VALUES, max_size=4), max_size=6))
def test_member_names_equal_those_of_parsing_every_line(objects):
    names, expected = MemberNames(), {}
    lines = [*(json.dumps(o, ensure_ascii=bool(len(o) % 2)) for o in objects), '{"e": 1', '["f"]']
    for part in (lines[:3], lines[3:]):
        text_scan._add_names(names, pa.array([line.encode() for line in part], pa.binary()))
    for line in lines:
        expected |= dict.fromkeys(json_object(line) or ())
    assert names.names == expected


def test_fields_of_unwrapped_and_empty_records():
    assert Dialect(",").fields(["a,b", ""]) == ["a,b", ""]
    assert Dialect(",", ";").fields([]) == []
    assert Dialect(",", ";").fields(["", ""]) == []
