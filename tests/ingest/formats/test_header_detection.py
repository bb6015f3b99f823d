"""Detect the dialect, the column names and the place of the header of CSV files."""

import csv
import io

import pytest

from segue.ingest.formats.header_detection import MAX_HEADER_RECORD, detect_header
from segue.ingest.formats.records import Dialect

DEFINED = {
    "title": "title", "name": "title", "track name": "title", "artist": "artist", "artist name": "artist",
    "bpm": "bpm", "tempo": "bpm", "id": "track_id", "track id": "track_id", "loudness (db)": "loudness",
}  # fmt: skip
NAMES = ("Title", "Artist", "BPM")


def match(names) -> set[str]:
    return {DEFINED[name.strip().lower()] for name in names if name.strip().lower() in DEFINED}


def is_sufficient(columns) -> bool:
    return {"title", "bpm"} <= columns


def detect(text: str):
    """Return the header of a text, for which a file must have a title and a tempo."""
    return detect_header(io.StringIO(text, newline="").readlines(), match, is_sufficient)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_the_one_with_most_recognised_columns(delimiter):
    header = detect_header([delimiter.join(NAMES) + "\n", delimiter.join("abc") + "\n"], match)
    assert (header.dialect, header.names, len(header.lines)) == (Dialect(delimiter), NAMES, 1)


def test_other_delimiters_within_names():
    header = detect_header(['"Title";"Artist, first|last";BPM\n'], match)
    assert (header.dialect, header.names) == (Dialect(";"), ("Title", "Artist, first|last", "BPM"))


@pytest.mark.parametrize(
    ("lines", "n_lines"),
    [
        (["\n", "\r\n", "Title,Artist,BPM\r\n"], 3),
        (["Title , Artist, BPM,,,\n"], 1),
        (['"Title","Artist","BPM"'], 1),
        (["Title,Artist,BPM\n", '"quote left open\n'], 1),
        (['Title,Artist,"BPM\n', '"\n', "a,b,c\n"], 2),
    ],
    ids=["blank lines", "spaces and empty names", "quoted", "row over lines", "name over lines"],
)
def test_names_are_trimmed_and_blank_lines_skipped(lines, n_lines):
    header = detect_header(lines, match)
    assert (header.dialect, header.names, len(header.lines), header.n_above) == (Dialect(","), NAMES, n_lines, 0)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_line_is_skipped(separator):
    header = detect_header([f"sep={separator}\r\n", "\r\n", separator.join(NAMES) + "\r\n"], match)
    assert (header.dialect.delimiter, header.names, header.line, header.n_above) == (separator, NAMES, 3, 0)


@pytest.mark.parametrize("lines", [[], [""], ["\n", "\r\n"]])
def test_lines_without_a_record_have_no_header(lines):
    assert detect_header(lines, match) is None


def test_unrecognised_header_has_most_columns():
    header = detect_header(["a;b;c,d\n"], match)
    assert header.names == ("a", "b", "c,d")


def wrap(rows: list[list[str]], outer: str, n_empty: int) -> list[str]:
    """Return comma-separated lines as the first cells of lines of another delimiter, as a spreadsheet saves them."""
    lines = []
    for row in rows:
        inner, line = io.StringIO(), io.StringIO()
        csv.writer(inner, lineterminator="").writerow(row)
        csv.writer(line, delimiter=outer, lineterminator="\n").writerow([inner.getvalue()] + [""] * n_empty)
        lines.append(line.getvalue())
    return lines


@pytest.mark.parametrize("outer", [";", "\t", "|"])
def test_lines_wrapped_in_a_second_delimiter_are_unwrapped(outer):
    rows = [[*NAMES], ["one, two", 'say "hi"', "120"], ["plain", "a;b|c", "99"]]
    lines = wrap(rows, outer, n_empty=2)
    header = detect_header(lines, match)
    assert header.names == NAMES
    assert header.dialect.record_delimiter == outer
    assert [header.dialect.fields(cells) for cells in csv.reader(lines, delimiter=outer)] == rows


def test_unquoted_wrapped_lines_with_trailing_empty_cells():
    lines = ["Title,Artist,BPM;;;\n", "a,b;c,120;;;\n", '"1,""a, b"",2";;\n']
    header = detect_header(lines, match)
    cells = list(csv.reader(lines, delimiter=header.dialect.record_delimiter))
    assert header.dialect.fields(cells[1]) == ["a", "b;c", "120"]
    assert header.dialect.fields(cells[2]) == ["1", "a, b", "2"]


HEADER = "Title,Artist,BPM\n"
ROW = "Song,Someone,120\n"


@pytest.mark.parametrize(
    ("above", "n_above"),
    [
        ("My playlist\n", 1),
        ("My playlist,,\n", 1),
        ("# made by a tool\n\n# 2024-12-01, again\n", 2),
        ("Title: the best, of 2024\nArtist\n", 2),
        ('"My\nplaylist"\n', 1),
        ("sep=;\nMy playlist\n", 1),
        ("".join(f"note {number}\n" for number in range(MAX_HEADER_RECORD - 1)), MAX_HEADER_RECORD - 1),
    ],
)
def test_lines_above_the_header_are_skipped(above, n_above):
    header = detect(above + HEADER + ROW)
    assert (header.dialect, header.names, header.n_above) == (Dialect(","), NAMES, n_above)
    assert "".join(header.lines) == above + HEADER
    assert header.line == len(header.lines)


def test_separator_line_decides_where_names_do_not():
    assert detect("sep=;\na,b;c,d;e,f\n").names == ("a,b", "c,d", "e,f")
    assert detect("a,b;c,d;e,f\n").names == ("a", "b;c", "d;e", "f")
    # a wrong separator line
    assert detect("sep=;\n" + HEADER + ROW).names == NAMES


@pytest.mark.guard("sufficient-first-record-is-header")
def test_first_record_with_sufficient_columns_is_the_header():
    # the second record has more recognised columns
    header = detect("Title,BPM,a,b\nTitle,Artist,BPM,id\n" + ROW)
    assert (header.names, header.n_above) == (("Title", "BPM", "a", "b"), 0)


@pytest.mark.parametrize(
    "text",
    [
        "a,b,c\n" + ROW * 3,
        # names of columns in a row, which also has a number, and alone in a line
        "a,b,c\nTitle,Artist,120\nTitle\n",
        "Title,b,c\nTitle,Someone,120\n",
        # two columns, which are not sufficient
        "a,b,c\nTitle,Artist,x\n",
        # a row, as it has a number
        "a,b,c,d\nTitle,Artist,BPM,120\n",
        "a,b,c\n" * MAX_HEADER_RECORD + HEADER + ROW,
    ],
)
def test_first_record_is_the_header_where_no_other_is_better(text):
    header = detect(text)
    assert ",".join(header.names) + "\n" == text.splitlines(keepends=True)[0]
    assert header.n_above == 0


def test_first_of_equal_records_is_the_header():
    header = detect("My playlist\n" + HEADER + "Title,Artist,BPM,x\n" + ROW)
    assert (header.line, header.n_above) == (2, 1)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        # the second line alone has all names
        ("track,track,features\nid,title,tempo\n" + ROW, ("id", "title", "tempo")),
        # "name" alone would be the title
        ("artist,track,features\nname,title,tempo\n" + ROW, ("artist name", "title", "tempo")),
        # equal names in different groups
        ("album,track,features\nname,name,tempo\n" + ROW, ("album name", "track name", "tempo")),
        ("x,y,features\ntitle,title,tempo\n" + ROW, ("title", "title", "tempo")),
        # a name that the group makes unknown is used alone
        ("x,y,features\ntitle,artist,tempo\n" + ROW, ("title", "artist", "tempo")),
    ],
)
def test_group_names_above_the_header(text, names):
    header = detect(text)
    assert (header.names, header.line, header.n_above) == (names, 2, 1)


def test_names_of_an_index_below_the_header():
    groups = ",track,features\n,name,tempo\n"
    header = detect(groups + "track id,,\n7,Song,120\n")
    assert (header.names, header.line, len(header.lines)) == (("track id", "name", "tempo"), 2, 3)
    # a row, and a row that repeats a name
    for row in ("7,,\n", "Song,,\n", ",Song,\n"):
        assert len(detect(groups + row).lines) == 2
    assert len(detect("id,name,tempo\nid,,\n").lines) == 1


def test_given_line_is_the_header():
    lines = ["id,name,tempo\n", "A list, of songs\n", "title,tempo\n", ROW]
    header = detect_header(lines, match, is_sufficient, line=3)
    assert (header.names, header.line, header.lines) == (("title", "tempo"), 3, tuple(lines[:3]))
    assert detect_header(lines, match, is_sufficient, line=9) is None
