"""Detect the delimiter and the header of CSV files."""

import csv
import io

import pytest

from segue.ingest.csv_dialect import Dialect, detect_header

DEFINED = {"title", "artist", "bpm", "loudness (db)"}
NAMES = ("Title", "Artist", "BPM")


def count_columns(names) -> int:
    return sum(name.strip().lower() in DEFINED for name in names)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_the_one_with_most_recognised_columns(delimiter):
    header = detect_header([delimiter.join(NAMES) + "\n", delimiter.join("abc") + "\n"], count_columns)
    assert (header.dialect, header.names, header.n_skipped) == (Dialect(delimiter), NAMES, 1)


def test_other_delimiters_within_names():
    header = detect_header(['"Title";"Artist, first|last";BPM\n'], count_columns)
    assert (header.dialect, header.names) == (Dialect(";"), ("Title", "Artist, first|last", "BPM"))


@pytest.mark.parametrize(
    "lines",
    [
        ["\n", "\r\n", "Title,Artist,BPM\r\n"],
        ["Title , Artist, BPM,,,\n"],
        ['"Title","Artist","BPM"'],
        ["Title,Artist,BPM\n", '"quote left open\n'],
        ['Title,Artist,"BPM\n', '"\n', "a,b,c\n"],
    ],
    ids=["blank lines", "spaces and empty names", "quoted", "row over lines", "name over lines"],
)
def test_names_are_trimmed_and_blank_lines_skipped(lines):
    header = detect_header(lines, count_columns)
    assert (header.dialect, header.names, header.n_skipped) == (Dialect(","), NAMES, 1)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_line_is_skipped(separator):
    header = detect_header([f"sep={separator}\r\n", "\r\n", separator.join(NAMES) + "\r\n"], count_columns)
    assert (header.dialect.delimiter, header.names, header.n_skipped) == (separator, NAMES, 2)


@pytest.mark.parametrize("lines", [[], [""], ["\n", "\r\n"]])
def test_lines_without_a_record_have_no_header(lines):
    assert detect_header(lines, count_columns) is None


def test_unrecognised_header_has_most_columns():
    header = detect_header(["a;b;c,d\n"], count_columns)
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
    header = detect_header(lines, count_columns)
    assert header.names == NAMES
    assert header.dialect.record_delimiter == outer
    assert [header.dialect.fields(cells) for cells in csv.reader(lines, delimiter=outer)] == rows


def test_unquoted_wrapped_lines_with_trailing_empty_cells():
    lines = ["Title,Artist,BPM;;;\n", "a,b;c,120;;;\n", '"1,""a, b"",2";;\n']
    header = detect_header(lines, count_columns)
    cells = list(csv.reader(lines, delimiter=header.dialect.record_delimiter))
    assert header.dialect.fields(cells[1]) == ["a", "b;c", "120"]
    assert header.dialect.fields(cells[2]) == ["1", "a, b", "2"]


def test_fields_of_unwrapped_and_empty_records():
    assert Dialect(",").fields(["a,b", ""]) == ["a,b", ""]
    assert Dialect(",", ";").fields([]) == []
    assert Dialect(",", ";").fields(["", ""]) == []
