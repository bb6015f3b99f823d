"""Convert the content of one file to lines: a zip archive, a workbook, UTF-16 text, a JSON document or compressed text.

Files that are too large after decompression are refused, to limit the memory. Needs no Spark.
"""

import bz2
import codecs
import gzip
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import pyarrow as pa

from segue.core.text import printable
from segue.errors import InputError
from segue.ingest.formats import foreign_formats, json_documents, workbooks
from segue.ingest.input_files import format_of

MAX_FILE_BYTES = 64 << 20
"""Maximum size of a file to convert; also of a zipped workbook, JSON document or ``.deflate`` file, decompressed."""
MAX_UNPACKED_BYTES = 2 << 30
"""Maximum size of any other file or zip member after decompression, and of all parts of a workbook together."""
MAX_LINE_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 20
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_COMPRESSED = re.compile(rb"\x1f\x8b|BZh[1-9]|\x28\xb5\x2f\xfd")
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_UTF16_SAMPLE = slice(0, 16)
_ENCRYPTED = 1
_MAX_LISTED = 5
_HEAD_LINES = 20
_JSON_START = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\[\s*\{\s*"|\{\s*"[^"]*"\s*:)')
_NO_DATA = re.compile(r"(^|/)(__MACOSX/|\.|read_?me|licen[cs]e|changelog|notice)", re.IGNORECASE)
_DAMAGE = (
    *(EOFError, OSError, UnicodeError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
)
"""Errors that the libraries for decompression and decoding raise for damaged files."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a converted file.

    Attributes
    ----------
    format : format of the lines, ``csv`` or ``json``
    lines : the lines without line feeds
    note : a sentence for the log about a choice within the file, such as a sheet of a workbook; may be empty
    kind : result of ``json_documents.document_kind`` for a JSON document; empty for other files
    """

    format: str
    lines: Iterable[bytes]
    note: str = ""
    kind: str = ""


def begins_as_lines(file_format: str, start: bytes) -> bool:
    """Return False if the first bytes of a file show that it must be converted before its lines can be read.

    That is so for zipped or compressed files, for UTF-16 and UTF-32, and for JSON in a file of the format ``csv``. True
    does not prove that the lines can be read. ``file_format`` is ``csv`` or ``json``; ``start`` has the first bytes.
    """
    is_text = not (start.startswith(_ZIP) or _COMPRESSED.match(start) or _wide_encoding(start))
    return is_text and _format(file_format, start) == file_format


def convert(name: str, file_format: str, content: bytes, known: Collection[str]) -> Lines:
    """Convert the content of a file to Lines. The lines are converted while they are read.

    Parameters
    ----------
    name : str
        Name of the file, for error messages, and for its ending, which can show a compression.
    file_format : str
        ``csv``, ``json``, ``zip`` or ``xlsx``, by the ending of the name.
    content : bytes
        The whole file.
    known : collection of str
        Normalised headers of all format definitions, from ``header_candidates.known_headers``.

    Raises
    ------
    InputError
        If the file cannot be converted, at the call or while lines are read. The message is a sentence without its
        subject, such as "is damaged": the caller puts the file's name before it.
    """
    with _readable_damage():
        if content.startswith(_ZIP):
            result = _from_zip(zipfile.ZipFile(io.BytesIO(content)), content, known)
        elif file_format in ("zip", "xlsx"):
            described = foreign_formats.describe_bytes(name, content)
            raise InputError(described or f"is no .{file_format} file, or its beginning is missing")
        else:
            result = _from_text(name, file_format, _chunks(_open(name, content)), known)
    return replace(result, lines=_checked(result.lines))


def unpack_text(name: str, content: bytes, known: Collection[str], max_bytes: int) -> bytes:
    """Decompress a small text file, or the one file in a zip archive, and return the text as bytes.

    The archive must hold a single file or, among several, a single data file, such as CSV; a README does not count.
    UTF-16, UTF-32 and workbooks (as CSV) become UTF-8 with a byte order mark. Text in other encodings is returned
    unchanged. ``name``, ``content``, ``known`` and error messages are as for ``convert``. ``max_bytes`` limits the size
    of the text before it is recoded, but not that of a workbook. A workbook inside a zip archive is refused.

    Raises
    ------
    InputError
        If the file is damaged, is no text, has more than ``max_bytes``, or is an archive without exactly one data file.
    """
    with _readable_damage():
        if content.startswith(_ZIP):
            archive = zipfile.ZipFile(io.BytesIO(content))
            members = [each for each in archive.infolist() if not each.is_dir() and not _NO_DATA.search(each.filename)]
            if {"xl/workbook.xml", "[Content_Types].xml", "mimetype"} & {each.filename for each in members}:
                return b"\n".join(_from_zip(archive, content, known).lines)
            # a single file may have any name
            member = members[0] if len(members) == 1 else _data_member(archive)
            chunks = _chunks(archive.open(member))
        else:
            chunks = _chunks(_open(name, content))
        text = bytearray()
        for chunk in chunks:
            text += chunk
            if len(text) > max_bytes:
                raise InputError(f"has more than {max_bytes // 1_000_000} MB of text")
        start = bytes(text[:_CHUNK_BYTES])
        if encoding := _wide_encoding(start):
            return codecs.BOM_UTF8 + b"".join(_recoded(iter([bytes(text)]), encoding)).removeprefix(codecs.BOM_UTF8)
    if described := foreign_formats.describe_bytes(name, start):
        raise InputError(described)
    if b"\0" in start:
        raise InputError("is a binary file, expected text")
    return bytes(text)


@contextmanager
def _readable_damage() -> Iterator[None]:
    """Context manager: replace the errors that libraries raise for damaged files by an InputError."""
    try:
        yield
    except _DAMAGE as error:
        raise InputError(
            f"is damaged or breaks off ({type(error).__name__}: {error}); fetch or save it again"
        ) from error


def _checked(lines: Iterable[bytes]) -> Iterator[bytes]:
    with _readable_damage():
        yield from lines


def _open(name: str, content: bytes) -> Any:
    """Return a stream of a file's content, decompressed if its first bytes or its name show a compression.

    Raises InputError if a ``.deflate`` file breaks off, or has more than ``MAX_FILE_BYTES`` after decompression.
    """
    stream = io.BytesIO(content)
    if content.startswith(b"\x1f\x8b"):
        return gzip.open(stream)
    if content.startswith(b"BZh"):
        return bz2.open(stream)
    if _COMPRESSED.match(content):
        return pa.input_stream(pa.py_buffer(content), compression="zstd")
    if name.lower().endswith(".deflate"):
        decompressor = zlib.decompressobj()
        unpacked = decompressor.decompress(content, MAX_FILE_BYTES)
        if not decompressor.eof:
            raise InputError(f"breaks off, or has more than {size_text(MAX_FILE_BYTES)} after decompression; use gzip")
        return io.BytesIO(unpacked)
    return stream


def _chunks(stream: Any) -> Iterator[bytes]:
    """Yield the content of a stream in parts of ``_CHUNK_BYTES``. Raises InputError above ``MAX_UNPACKED_BYTES``."""
    size = 0
    while parts := _read(stream):
        size += len(parts)
        if size > MAX_UNPACKED_BYTES:
            raise InputError(
                f"has more than {size_text(MAX_UNPACKED_BYTES)} after decompression; decompress it, and split it"
            )
        yield parts


def _read(stream: Any) -> bytes:
    """Return the next ``_CHUNK_BYTES`` bytes of a stream, or fewer at its end. Reads several times if necessary."""
    parts: list[bytes] = []
    n_missing = _CHUNK_BYTES
    while n_missing and (part := stream.read(n_missing)):
        parts.append(part)
        n_missing -= len(part)
    return b"".join(parts)


def _from_zip(archive: zipfile.ZipFile, content: bytes, known: Collection[str]) -> Lines:
    """Convert an Excel workbook, or the only data file in a zip archive, to Lines; ``content`` is the whole file."""
    members = archive.infolist()
    names = {member.filename for member in members}
    if "xl/workbook.xml" in names:
        return _from_workbook(archive, content, known)
    if {"[Content_Types].xml", "mimetype", "Index/Document.iwa"} & names:
        raise InputError("is an office document, expected CSV, JSON, Parquet or .xlsx; save it as .xlsx or CSV")
    member = _data_member(archive)
    listed = member.filename
    member_format = format_of(member.filename)
    if member_format not in ("csv", "json", "xlsx"):
        raise InputError(f"holds {listed}, expected CSV, JSON or .xlsx; extract it, and pass the extracted file")
    # the size stated in the archive is reliable as a limit: zipfile reads no more bytes than stated
    max_size = MAX_FILE_BYTES if member_format == "xlsx" else MAX_UNPACKED_BYTES
    if member.file_size > max_size:
        raise InputError(
            f"holds {listed} of {size_text(member.file_size)}, expected at most {size_text(max_size)}; extract it, and "
            "pass the extracted file"
        )
    stream = archive.open(member)
    if member_format != "xlsx":
        return _from_text(member.filename, member_format, _chunks(stream), known)
    inner = stream.read()
    return _from_workbook(zipfile.ZipFile(io.BytesIO(inner)), inner, known)


def _data_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the only data file in a zip archive. Raises InputError if there is not exactly one, or it is encrypted."""
    members = archive.infolist()
    data = [each for each in members if _is_data(each.filename)]
    listed = printable(", ".join(each.filename for each in (data or members)[:_MAX_LISTED]))
    if len(data) != 1:
        held = f"{len(data)} data files ({listed})" if data else f"no data file ({listed or 'it is empty'})"
        raise InputError(f"holds {held}, expected one CSV, JSON or .xlsx file; extract it, and pass the extracted file")
    if data[0].flag_bits & _ENCRYPTED:
        raise InputError(f"holds {listed} encrypted with a password; extract it, and pass the extracted file")
    return data[0]


def _is_data(name: str) -> bool:
    return bool(format_of(name)) and not name.endswith("/") and not _NO_DATA.search(name)


def _from_workbook(archive: zipfile.ZipFile, content: bytes, known: Collection[str]) -> Lines:
    size = sum(member.file_size for member in archive.infolist())
    if size > MAX_UNPACKED_BYTES:
        raise InputError(
            f"has {size_text(size)} after decompression, expected at most {size_text(MAX_UNPACKED_BYTES)}; "
            "save it as CSV"
        )
    lines, note = workbooks.workbook_lines(content, known)
    return Lines("csv", _marked(line.encode("utf-8") for line in lines), note)


def _from_text(name: str, file_format: str, chunks: Iterator[bytes], known: Collection[str]) -> Lines:
    """Convert a text to Lines: recode UTF-16 and UTF-32 to UTF-8, and split a JSON document into a line per track."""
    start = next(chunks, b"")
    chunks = chain([start], chunks)
    encoding = _wide_encoding(start)
    if encoding:
        chunks = _recoded(chunks, encoding)
        start = next(chunks, b"")
        chunks = chain([start], chunks)
    if described := foreign_formats.describe_bytes(name, start):
        raise InputError(described)
    file_format, kind = _format(file_format, start), ""
    head = start.split(b"\n", _HEAD_LINES)
    is_all = len(start) < _CHUNK_BYTES and len(head) <= _HEAD_LINES
    if file_format == "json" and json_documents.is_document(head[:_HEAD_LINES], known, is_all=is_all):
        text = _document(chunks)
        kind = json_documents.document_kind(text)
        rows = json_documents.document_rows(text, known)
        lines: Iterable[bytes] = (row.encode("utf-8", "surrogateescape") for row in rows)
    else:
        lines = _split(chunks)
    return Lines(file_format, _marked(lines) if encoding else lines, kind=kind)


def _format(file_format: str, start: bytes) -> str:
    """Return ``file_format``; ``json`` instead of ``csv`` if ``start``, the first bytes, looks like JSON."""
    return "json" if file_format == "csv" and _JSON_START.match(start) else file_format


def _wide_encoding(start: bytes) -> str | None:
    """Return the encoding of UTF-16 or UTF-32 text, or None for other text.

    The encoding is recognised by the byte order mark; UTF-16 also by NUL at every second of the first 16 bytes.
    """
    marked = next((name for mark, name in _BYTE_ORDER_MARKS.items() if start.startswith(mark)), None)
    first, second = start[_UTF16_SAMPLE][::2], start[_UTF16_SAMPLE][1::2]
    if marked or not first or not second:
        return marked
    if not any(second) and all(first):
        return "utf-16-le"
    return "utf-16-be" if not any(first) and all(second) else None


def _recoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Recode text to UTF-8, part by part; half a surrogate pair becomes bytes that are not valid UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _document(chunks: Iterable[bytes]) -> str:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > MAX_FILE_BYTES:
            raise InputError(
                f"is a JSON document of more than {size_text(MAX_FILE_BYTES)}, expected one object per line in files "
                "of that size; convert it with: jq -c '.[]' FILE > FILE.jsonl"
            )
    return content.decode("utf-8", "surrogateescape")


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a text without their line feeds. Raises InputError above ``MAX_LINE_BYTES`` per line."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > MAX_LINE_BYTES:
            raise InputError(f"has a line of more than {size_text(MAX_LINE_BYTES)}, expected one row per line")
    if rest:
        yield rest


def _marked(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Put a UTF-8 byte order mark before the first line. The lines are then read as UTF-8, whatever the settings."""
    for number, line in enumerate(lines):
        yield line if number else codecs.BOM_UTF8 + line


def size_text(size: int) -> str:
    """Return a number of bytes as text in whole MB (2^20 bytes), rounded up, such as "3 MB"."""
    return f"{-(-size >> 20)} MB"
