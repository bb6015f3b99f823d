"""How a file is cut into fields, found from its first lines."""

import csv
import io

import pytest

from segue.ingest.csv_dialect import Dialect, find_header

KNOWN = {"title", "artist", "bpm", "loudness (db)"}
NAMES = ("Title", "Artist", "BPM")


def known(names) -> int:
    return sum(name.strip().lower() in KNOWN for name in names)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_the_one_that_makes_columns_known(delimiter):
    header = find_header([delimiter.join(NAMES) + "\n", delimiter.join("abc") + "\n"], known)
    assert (header.dialect, header.names, header.skipped) == (Dialect(delimiter), NAMES, 1)


def test_other_delimiters_within_names_do_no_harm():
    header = find_header(['"Title";"Artist, first|last";BPM\n'], known)
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
def test_names_are_bare_and_blank_lines_no_header(lines):
    header = find_header(lines, known)
    assert (header.dialect, header.names, header.skipped) == (Dialect(","), NAMES, 1)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_line_that_names_the_separator_is_skipped(separator):
    header = find_header([f"sep={separator}\r\n", "\r\n", separator.join(NAMES) + "\r\n"], known)
    assert (header.dialect.delimiter, header.names, header.skipped) == (separator, NAMES, 2)


@pytest.mark.parametrize("lines", [[], [""], ["\n", "\r\n"]])
def test_no_record_is_no_header(lines):
    assert find_header(lines, known) is None


def test_unknown_names_give_most_columns():
    header = find_header(["a;b;c,d\n"], known)
    assert header.names == ("a", "b", "c,d")


def wrapped(rows: list[list[str]], outer: str, empty: int) -> list[str]:
    """Write comma lines as the first cells of lines of another delimiter, as a spreadsheet saves them."""
    lines = []
    for row in rows:
        inner, line = io.StringIO(), io.StringIO()
        csv.writer(inner, lineterminator="").writerow(row)
        csv.writer(line, delimiter=outer, lineterminator="\n").writerow([inner.getvalue()] + [""] * empty)
        lines.append(line.getvalue())
    return lines


@pytest.mark.parametrize("outer", [";", "\t", "|"])
def test_lines_wrapped_once_more_are_unwrapped(outer):
    rows = [[*NAMES], ["one, two", 'say "hi"', "120"], ["plain", "a;b|c", "99"]]
    lines = wrapped(rows, outer, empty=2)
    header = find_header(lines, known)
    assert header.names == NAMES
    assert header.dialect.outer == outer
    assert [header.dialect.fields(cells) for cells in csv.reader(lines, delimiter=outer)] == rows


def test_bare_comma_lines_with_empty_cells_behind():
    lines = ["Title,Artist,BPM;;;\n", "a,b;c,120;;;\n", '"1,""a, b"",2";;\n']
    header = find_header(lines, known)
    cells = list(csv.reader(lines, delimiter=header.dialect.outer))
    assert header.dialect.fields(cells[1]) == ["a", "b;c", "120"]
    assert header.dialect.fields(cells[2]) == ["1", "a, b", "2"]


def test_unwrapped_dialect_leaves_fields_alone():
    assert Dialect(",").fields(["a,b", ""]) == ["a,b", ""]
    assert Dialect(",", ";").fields([]) == []
    assert Dialect(",", ";").fields(["", ""]) == []
