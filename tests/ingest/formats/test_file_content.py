"""Turn files that are not text line by line into lines, within bounds of size, or refuse them in one line."""

import bz2
import codecs
import gzip
import io
import json
import sys
import zipfile
import zlib
from datetime import date, datetime, time

import openpyxl
import pyarrow as pa
import pytest

from segue.errors import InputError
from segue.ingest.formats import file_content, foreign_formats
from segue.ingest.formats.file_content import begins_as_lines, convert

KNOWN = frozenset(["title", "bpm", "id"])
TEXT = "title,bpm\nBeyoncé,120.5\n東京,99\n"
LINES = TEXT.encode().splitlines()


def lines_of(content: bytes, name: str = "songs.csv", file_format: str = "csv") -> list[bytes]:
    """Return the lines of a file without a byte order mark."""
    lines = list(convert(name, file_format, content, KNOWN).lines)
    return [line.removeprefix(codecs.BOM_UTF8) for line in lines]


def refusal(content: bytes, name: str = "songs.zip", file_format: str = "zip") -> str:
    with pytest.raises(InputError) as refused:
        lines_of(content, name, file_format)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def zipped(*members: tuple[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def workbook(*sheets: tuple[str, list[list[object]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def deflate(content: bytes) -> bytes:
    return zlib.compress(content)


def zstd(content: bytes) -> bytes:
    return pa.compress(content, "zstd", asbytes=True)


WIDE = [
    codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
    TEXT.encode("utf-16-le"),
    TEXT.encode("utf-16-be"),
    gzip.compress(TEXT.encode("utf-16")),
]


@pytest.mark.parametrize("content", WIDE)
def test_utf16_becomes_marked_utf8(content):
    assert not begins_as_lines("csv", content)
    lines = list(convert("songs.csv", "csv", content, KNOWN).lines)
    assert lines == [codecs.BOM_UTF8 + LINES[0], *LINES[1:]]


def test_half_a_character_of_utf16_is_invalid_utf8_or_refused():
    broken = codecs.BOM_UTF16_LE + "title,bpm\n".encode("utf-16-le") + b"\x00\xd8,\x00"
    with pytest.raises(UnicodeDecodeError):
        lines_of(broken)[1].decode()
    assert "is damaged or breaks off (UnicodeDecodeError" in refusal(broken + b"1", "songs.csv", "csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", gzip.compress(TEXT.encode())),
        ("a.csv", bz2.compress(TEXT.encode())),
        ("a.csv", zstd(TEXT.encode())),
        ("a.csv", zipped(("data/a.csv", TEXT))),
        ("a.zip", zipped(("data/a.csv", TEXT), ("README.txt", "x"), ("__MACOSX/data/._a.csv", "x"), ("a.pdf", "x"))),
        ("a.zip", zipped(("a.csv", TEXT.encode("utf-16")), (".hidden.csv", "x"), ("LICENSE.txt", "x"), ("d/", ""))),
        ("a.zip", zipped(("a.csv", TEXT), method=zipfile.ZIP_BZIP2)),
        ("a.zip", zipped(("a.csv", TEXT), method=zipfile.ZIP_LZMA)),
        ("a.zip", zipped(("a.tsv", TEXT), ("a.db", b"x"))),
    ],
)
def test_compressed_text_has_its_lines(name, content):
    assert not begins_as_lines("csv", content)
    assert lines_of(content, name, name.rpartition(".")[2]) == LINES


OBJECTS = [{"id": "a", "bpm": 1.50}, {"id": "é", "bpm": 2}]
OBJECT_LINES = [json.dumps(each, ensure_ascii=False).encode() for each in OBJECTS]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps(OBJECTS, ensure_ascii=False).encode()),
        ("a.txt", json.dumps({"items": OBJECTS}, ensure_ascii=False).encode()),
        ("a.json", gzip.compress(json.dumps(OBJECTS, ensure_ascii=False).encode())),
        ("a.json.deflate", deflate(json.dumps(OBJECTS, ensure_ascii=False).encode())),
        ("a.json", codecs.BOM_UTF8 + json.dumps(OBJECTS, ensure_ascii=False).encode()),
        ("a.json", json.dumps(OBJECTS, ensure_ascii=False).encode("utf-16")),
        ("a.json", b"\n".join(OBJECT_LINES)),
        ("a.zip", zipped(("a.json", json.dumps(OBJECTS, ensure_ascii=False)))),
        ("a.zip", zipped(("a.jsonl", b"\n".join(OBJECT_LINES)))),
    ],
)
def test_json_has_one_object_per_line(name, content):
    converted = convert(name, "zip" if name == "a.zip" else "csv" if name == "a.txt" else "json", content, KNOWN)
    assert converted.format == "json"
    assert [line.removeprefix(codecs.BOM_UTF8) for line in converted.lines] == OBJECT_LINES


def test_bytes_of_another_encoding_stay_in_json():
    assert lines_of('[{"id": "é"}]'.encode("cp1252"), "a.json", "json") == ['{"id": "é"}'.encode("cp1252")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(("a.csv", TEXT), ("b.json", "[]")), "holds 2 data files (a.csv, b.json), expected one"),
        (zipped(("a.pdf", "x"), ("readme.txt", "x")), "holds no data file (a.pdf, readme.txt), expected one"),
        (zipped(), "holds no data file (it is empty)"),
        (zipped(("a.zip", zipped(("a.csv", TEXT)))), "holds a.zip, expected CSV, JSON or .xlsx; extract it"),
        (zipped(("a.parquet", "PAR1")), "holds a.parquet, expected CSV, JSON or .xlsx; extract it"),
        (zipped(("a.csv.gz", gzip.compress(TEXT.encode()))), "is compressed, expected CSV"),
        (zipped(("a.csv", "SQLite format 3\0")), "is an SQLite database, expected CSV"),
        (zipped(("mimetype", "x"), ("content.xml", "x")), "is an office document"),
        (zipped(("a.csv", TEXT * 999))[:-30], "is damaged or breaks off (BadZipFile"),
        (zipped(("a.csv", TEXT * 999))[:200], "is damaged or breaks off (BadZipFile"),
        (zipped(("a.csv", TEXT), method=zipfile.ZIP_STORED).replace(b"120.5", b"121.5"), "Bad CRC-32"),
        (
            zipped(("a.csv", TEXT)).replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
            "password",
        ),
        (b"title,bpm\n", "is no .zip file, or its beginning is missing"),
        (b"Rar!\x1a\x07\x00", "is an archive, expected CSV"),
    ],
)
def test_zip_without_one_data_file_is_refused(content, message):
    assert message in refusal(content)


def test_sizes_are_bounded(monkeypatch):
    monkeypatch.setattr(file_content, "MAX_UNPACKED_BYTES", 3 << 20)
    monkeypatch.setattr(file_content, "MAX_FILE_BYTES", 2 << 20)
    monkeypatch.setattr(file_content, "MAX_LINE_BYTES", 2 << 20)
    bomb = b"1,2\n" * (1 << 20)
    assert "holds a.csv of 4 MB, expected at most 3 MB; extract it" in refusal(zipped(("a.csv", bomb)))
    assert "has more than 3 MB after decompression" in refusal(gzip.compress(bomb), "a.csv", "csv")
    assert "has more than 2 MB after decompression" in refusal(deflate(bomb), "a.csv.deflate", "csv")
    assert "breaks off" in refusal(deflate(TEXT.encode())[:-9], "a.csv.deflate", "csv")
    assert "has a line of more than 2 MB" in refusal(gzip.compress(bytes(3 << 20).replace(b"\0", b"1")), "a.csv", "csv")
    document = b'[{"id": 1}' + b" " * (2 << 20) + b"]"
    assert "is a JSON document of more than 2 MB" in refusal(document, "a.json", "json")
    assert "has 5 MB after decompression" in refusal(zipped(("xl/workbook.xml", "x"), ("big", bomb)), "a.xlsx", "xlsx")


def test_sheet_of_a_workbook_becomes_csv():
    rows = [
        ["Title", "BPM", "Length", "Released", "Note"],
        ['say "hi", you', 120.5, time(3, 45), date(1999, 5, 1), "two\nlines"],
        ["東京", 99, time(0, 3, 45), datetime(2001, 2, 3, 4, 5)],
        [],
        ["last", None, "3:05", None, None],
    ]
    content = workbook(("cover", [["about this file"]]), ("songs", rows), ("more", [["Title"], ["x"]]))
    converted = convert("a.xlsx", "xlsx", content, KNOWN)
    lines = list(converted.lines)
    assert lines[0] == codecs.BOM_UTF8 + b"Title,BPM,Length,Released,Note"
    assert [line.decode() for line in lines[1:]] == [
        '"say ""hi"", you",120.5,3:45:00,1999-05-01 00:00:00,two lines',
        "東京,99,0:03:45,2001-02-03 04:05:00,",
        "last,,3:05,,",
    ]
    assert converted.note == "sheet 'songs' is read; not read: cover, more"
    assert lines_of(content, "a.csv") == lines_of(zipped(("a.xlsx", content)), "a.zip", "zip")
    assert len(lines_of(content, "a.csv")) == 4


def test_length_that_was_typed_without_seconds_is_shown_as_typed():
    book = openpyxl.Workbook()
    book.active.append(["length", time(3, 45)])
    book.active["B1"].number_format = "h:mm"
    stream = io.BytesIO()
    book.save(stream)
    assert lines_of(stream.getvalue(), "a.xlsx", "xlsx") == [b"length,3:45"]


def test_unusable_workbook_is_refused(monkeypatch):
    whole = workbook(("a", [["title"], ["x"]]))
    assert "is an Excel workbook without rows" in refusal(workbook(("a", [])), "a.xlsx", "xlsx")
    assert "is a damaged Excel workbook" in refusal(zipped(("xl/workbook.xml", "<x")), "a.xlsx", "xlsx")
    assert "is damaged or breaks off" in refusal(whole[:-50], "a.xlsx", "xlsx")
    assert "password-protected Excel" in refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.xlsx", "xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert "pip install 'openpyxl>=3.1,<4' (or segue[excel])" in refusal(whole, "a.xlsx", "xlsx")


@pytest.mark.parametrize("file_format", ["csv", "json"])
def test_ordinary_text_needs_no_conversion(file_format):
    start = b'{"id": "a", "bpm": 1}\n' if file_format == "json" else TEXT.encode()
    assert begins_as_lines(file_format, start)
    assert begins_as_lines(file_format, codecs.BOM_UTF8 + start)
    assert begins_as_lines(file_format, b"")
    assert begins_as_lines("csv", b"[id],title\n")


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"PAR1\x15\x04", "a Parquet file, expected CSV, JSON, Parquet or .xlsx; rename it"),
        (b"SQLite format 3\0", "sqlite3 -header -csv a.bin"),
        (b"ARROW1\0\0", "pandas.read_feather('a.bin')"),
        (b"\x80\x04\x95\x10", "a Python pickle, which can run any program when it is opened"),
        (b"RDX3\nX\n", "write.csv"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"a" * 257 + b"ustar", "an archive"),
    ],
)
def test_formats_are_named_by_their_first_bytes(head, words):
    assert words in foreign_formats.describe_bytes("in/a.bin", head)
    assert foreign_formats.describe_bytes("a", TEXT.encode()) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.ODS", "an OpenDocument spreadsheet"),
        ("in/a.rds", "readRDS('a.rds')"),
        ("a.tar.xz", "an archive"),
        ("a.pickle", "if you trust its author"),
        ("a.xls", "save it as .xlsx or CSV"),
        ("a.numbers", "Export To > CSV"),
    ],
)
def test_formats_are_named_by_their_endings(name, words):
    assert words in foreign_formats.describe_ending(name)
    assert foreign_formats.describe_ending("a.csv") is None
