"""Records as Python's own csv module reads them, with the text that they were read from."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.ingest.csv_dialect import Dialect
from segue.ingest.records import MemberNames, csv_records, field_count_error, json_object, split_lines

COMMA = Dialect(",")


def lines_of(text: str) -> list[str]:
    """Cut a text as the job does: at line feeds by Spark, and then at lone carriage returns."""
    return [line for cut in ended(text).split("\n")[:-1] for line in split_lines(cut + "\n")]


def ended(text: str) -> str:
    """Return the text with a line feed behind its last line, as Spark's lines do not tell whether it had one."""
    return text if text.endswith("\n") or not text else text + "\n"


def records(text: str, dialect: Dialect = COMMA) -> list[tuple[list[str] | str, str]]:
    return list(csv_records(lines_of(text), dialect))


TEXTS = st.text(alphabet='a,;"\n\r\té\x00 ', max_size=40) | st.lists(
    st.lists(st.text(alphabet='ab,"\n\r', max_size=5), min_size=1, max_size=3), max_size=4
).map(lambda rows: written(rows))


def written(rows: list[list[str]], end: str = "\n") -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    return stream.getvalue()


@given(TEXTS)
def test_lines_are_cut_as_python_cuts_them(text):
    assert lines_of(text) == list(io.StringIO(ended(text), newline=""))


@pytest.mark.parametrize("text", ["a\rb\n", "\ra\n", "a\r\n", "\r\n", "\r\r\n", "a\n", "a\r\rbc\n"])
def test_lone_carriage_return_ends_a_line(text):
    assert split_lines(text) == list(io.StringIO(text, newline=""))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@given(text=TEXTS)
def test_records_are_those_of_csv_reader(delimiter, text):
    wanted = [row for row in csv.reader(io.StringIO(ended(text), newline=""), delimiter=delimiter) if row]
    assert [fields for fields, _ in records(text, Dialect(delimiter))] == wanted


@given(TEXTS)
def test_raw_texts_and_line_ends_give_the_input_back(text):
    place = 0
    for _, raw in records(text):
        place += len(text[place:]) - len(text[place:].lstrip("\r\n"))
        assert text.startswith(raw, place)
        place += len(raw)
    assert text[place:].strip("\r\n") == ""


@given(st.lists(st.lists(st.text(alphabet='ab,"\n\r', max_size=5), min_size=2, max_size=3), max_size=4))
def test_each_raw_text_alone_gives_its_record(rows):
    for end in ("\n", "\r\n", "\r"):
        found = records(written(rows, end))
        assert [fields for fields, _ in found] == rows
        assert [[fields for fields, _ in records(raw)] for _, raw in found] == [[row] for row in rows]


@pytest.mark.parametrize(
    ("text", "wanted"),
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
def test_records_by_hand(text, wanted):
    assert records(text) == wanted


def test_field_of_any_length_is_read():
    long = "x" * 200_000
    assert records(f'a,"{long}"\n')[0][0] == ["a", long]


@pytest.mark.guard("csv-error-rejects-row")
def test_what_csv_refuses_is_a_record_with_the_reason_and_reading_goes_on():
    (told, raw), after = csv_records(["a\rb,c\n", "d,e\n"], COMMA)
    assert told.startswith("not CSV: ")
    assert raw == "a\rb,c"
    assert after == (["d", "e"], "d,e")


def test_wrapped_lines_are_unwrapped_and_kept_raw():
    text = '1,plain,2;;\n"1,""a, b"",2";;\n;;\n'
    found = records(text, Dialect(",", ";"))
    assert found[:2] == [(["1", "plain", "2"], "1,plain,2;;"), (["1", "a, b", "2"], '"1,""a, b"",2";;')]
    assert field_count_error(found[2][0], 3) == "0 fields, the header has 3"


@pytest.mark.parametrize(
    ("fields", "width", "told"),
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
def test_misfit(fields, width, told):
    assert field_count_error(fields, width) == told


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
def test_json_members_are_texts_as_written(line, members):
    assert json_object(line) == members


def test_json_list_of_artists_stays_a_list():
    text = json_object('{"artists": [{"name": "Bj\\u00f6rk"}, {"name": "b"}], "genres": ["c"]}')
    assert json.loads(text["artists"]) == [{"name": "Björk"}, {"name": "b"}]
    assert json.loads(text["genres"]) == ["c"]


@pytest.mark.parametrize("line", ["", "a,b", "[1]", '"a"', "null", "3", '{"a": 1', "{'a': 1}", '{"a": 1} {"b": 2}'])
def test_what_is_no_json_object(line):
    assert json_object(line) is None


@pytest.mark.parametrize("depth", [100, 900, 980, 1000, 2000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_deep_json_is_read_or_refused(depth, opening, closing):
    found = json_object('{"b":' + opening * depth + "1" + closing * depth + "}")
    assert found is None or len(found) == 1


@given(st.dictionaries(st.text(), st.text() | st.none(), max_size=4))
def test_json_written_by_python_reads_back(members):
    assert json_object(json.dumps(members)) == members


def test_half_a_character_in_a_json_name_can_be_written_somehow():
    for name in json_object('{"\\ud800": "a", "title": "b"}') or ():
        name.encode("utf-8")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet='a"\\[]{},:é', max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=2),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c", "a.b", 'd"', "é"]), VALUES, max_size=4), max_size=6))
def test_names_on_lines_are_those_of_reading_each(objects):
    names, wanted = MemberNames(), {}
    for line in (*(json.dumps(o, ensure_ascii=bool(len(o) % 2)) for o in objects), '{"e": 1', '["f"]'):
        names.add(line.encode())
        wanted |= dict.fromkeys(json_object(line) or ())
    assert names.found == wanted
