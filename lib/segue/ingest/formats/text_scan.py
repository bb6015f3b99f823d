"""Scan the lines of text files: collect sample lines and counts, to detect headers, encodings, units and faults.

Workers scan every line, in a first pass or while they read the rows, and return some lines and counts for each block of
a file. The data sent to the driver are proportional to the number of blocks.
"""

import codecs
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from segue.ingest.formats.csv_columns import joined_lines
from segue.ingest.formats.encoding_detection import CANDIDATES, detect_encoding, is_valid
from segue.ingest.formats.records import CLOSED_LINES, DELIMITERS, Dialect, MemberNames
from segue.ingest.input_files import InputFile, literal_path

HEAD_LINES = 40
SAMPLE_LINES = 256
MAX_LINE_BYTES = 1 << 20
"""Lines are cut to this length before they are sent to the driver: a JSON document may be one line of any length."""
_ENCODING_SAMPLE_LINES = 128
AUTO = "auto"
"""The value of ``ingest.encoding`` that detects the encoding of each file."""
_MAX_VALID_SHARE = 0.2
"""Maximum share of valid UTF-8, among a file's lines with bytes beyond ASCII, to detect another encoding.

A file with a larger share counts as damaged UTF-8.
"""
_ARROW_SCHEMA = pa.schema(
    [
        ("file_id", pa.int64()),
        ("block", pa.int64()),
        ("n_lines", pa.int64()),
        ("n_invalid", pa.int64()),
        ("n_non_ascii", pa.int64()),
        ("n_invalid_by", pa.list_(pa.int64())),
        ("has_nul", pa.bool_()),
        ("open_quotes", pa.list_(pa.bool_())),
        ("member_names", pa.list_(pa.string())),
        ("head", pa.list_(pa.binary())),
        ("hashes", pa.list_(pa.int64())),
        ("sample", pa.list_(pa.binary())),
        ("invalid_hashes", pa.list_(pa.int64())),
        ("invalid_sample", pa.list_(pa.binary())),
    ]
)


@dataclass(slots=True)
class FileScan:
    """The result of scanning the lines of a file, or of one block of a file.

    Attributes
    ----------
    encoding : the file's encoding, given or detected; without meaning for a block
    n_lines : number of all lines, blank lines included
    n_invalid : number of lines that are invalid in the file's encoding; before the encoding is detected, in UTF-8
    n_non_ascii : number of lines with bytes beyond ASCII; 0 if the encoding is given
    n_invalid_by : a list parallel to ``CANDIDATES``, the encodings that can be detected: the number of lines that are
        invalid in each. Only Arrow batches with a line of invalid UTF-8 are counted; all numbers are 0 if the encoding
        is given.
    has_nul : whether any line holds a NUL byte
    open_quotes : a list parallel to ``DELIMITERS``: whether any line, split at this delimiter, ends inside quotes; all
        False for JSON
    member_names : names of the members of JSON objects, in order, as keys of a dict; empty for CSV
    head : the first ``HEAD_LINES`` lines of the file; empty for a block other than the first
    sample : pairs (hash, line) of the ``SAMPLE_LINES`` distinct lines with the smallest hashes
    invalid_sample : pairs (hash, line) of the 128 distinct lines with the smallest hashes among all lines that are
        invalid UTF-8; empty if the encoding is given
    """

    encoding: str = "utf-8"
    n_lines: int = 0
    n_invalid: int = 0
    n_non_ascii: int = 0
    n_invalid_by: list[int] = field(default_factory=lambda: [0] * len(CANDIDATES))
    has_nul: bool = False
    open_quotes: list[bool] = field(default_factory=lambda: [False] * len(DELIMITERS))
    member_names: dict[str, None] = field(default_factory=dict)
    head: list[bytes] = field(default_factory=list)
    sample: list[tuple[int, bytes]] = field(default_factory=list)
    invalid_sample: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, other: "FileScan") -> None:
        """Add the scan of later lines of the same file to this scan."""
        self.n_lines += other.n_lines
        self.n_invalid += other.n_invalid
        self.n_non_ascii += other.n_non_ascii
        self.n_invalid_by = [a + b for a, b in zip(self.n_invalid_by, other.n_invalid_by, strict=True)]
        self.has_nul = self.has_nul or other.has_nul
        self.open_quotes = [a or b for a, b in zip(self.open_quotes, other.open_quotes, strict=True)]
        self.member_names |= other.member_names
        self.head = (self.head + other.head)[:HEAD_LINES]
        self.sample = sorted({*self.sample, *other.sample})[:SAMPLE_LINES]
        self.invalid_sample = sorted({*self.invalid_sample, *other.invalid_sample})[:_ENCODING_SAMPLE_LINES]

    def spans_lines(self, dialect: Dialect | None) -> bool:
        """Return whether some line of a CSV file ends inside quotes; False for JSON lines, which have no dialect."""
        return dialect is not None and self.open_quotes[DELIMITERS.index(dialect.record_delimiter)]


Block = tuple[int, ...]
"""The id of a file, and the byte offset of a block of this file."""


class BlockScans:
    """Scans batches of lines; the dict ``blocks`` has the FileScan of each Block.

    Parameters
    ----------
    encoding : str
        Encoding of all files, a superset of ASCII, or ``auto`` to detect the encoding of each file.
    """

    def __init__(self, encoding: str) -> None:
        self.blocks: dict[Block, FileScan] = {}
        self._encoding = encoding
        self._names: dict[Block, MemberNames] = {}

    def add(self, block: Block, lines: pa.Array, hashes: pa.Array, *, json: bool) -> FileScan:
        """Scan further lines of a block; return the scan of all lines of this block so far.

        ``hashes`` has the hash of each line. ``json`` is true for lines of JSON, false for lines of CSV.
        """
        names = self._names.setdefault(block, MemberNames()) if json else None
        part = _scan_lines(lines, hashes, self._encoding, names)
        if block[1] != 0:
            part.head = []
        scan = self.blocks.setdefault(block, FileScan())
        scan.add(part)
        if names is not None:
            scan.member_names = names.names
        return scan


def text_lines(spark: SparkSession, files: Sequence[InputFile]) -> DataFrame:
    """Return a lazy DataFrame of the lines of text files, split at line feeds.

    Returns
    -------
    DataFrame
        One row per line: ``file_id`` (long), ``block`` (long: byte offset of the part of the file that the task
        reads), ``value`` (binary: the line) and ``hash`` (long: xxhash64 of ``value``).
    """
    return (
        spark.read.option("lineSep", "\n")
        .text([literal_path(file.uri) for file in files])
        .select(
            F.xxhash64("_metadata.file_path").alias("file_id"),
            F.col("_metadata.file_block_start").alias("block"),
            F.col("value").cast("binary").alias("value"),
            F.xxhash64("value").alias("hash"),
        )
    )


def scan_files(lines: DataFrame, encoding: str, *, json: bool) -> dict[int, FileScan]:
    """Scan files in one Spark job over all lines; return a dict from file id to FileScan, without empty files.

    Parameters
    ----------
    lines : DataFrame
        The lines as ``text_lines`` returns them.
    encoding : str
        Encoding of all files, a superset of ASCII, or ``auto`` to detect the encoding of each file.
    json : bool
        True for JSON lines: member names are collected. False for CSV: open quotes are detected.
    """

    def scan(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        scans = BlockScans(encoding)
        for batch in batches:
            for block, rows in consecutive_groups(batch, ("file_id", "block")):
                scans.add(block, rows.column("value"), rows.column("hash"), json=json)
        if scans.blocks:
            rows = [_to_row(block, block_scan) for block, block_scan in scans.blocks.items()]
            yield pa.RecordBatch.from_pylist(rows, schema=_ARROW_SCHEMA)

    rows = lines.mapInArrow(scan, from_arrow_schema(_ARROW_SCHEMA)).collect()
    rows.sort(key=lambda row: (row.file_id, row.block))
    return _unite(((row.file_id, _from_row(row)) for row in rows), encoding)


def file_scans(blocks: Mapping[Block, FileScan], encoding: str) -> dict[int, FileScan]:
    """Unite the scans of the blocks of each file; return a dict from file id to FileScan.

    If ``encoding`` is ``auto``, the encoding of each file is detected.
    """
    return _unite(((block[0], blocks[block]) for block in sorted(blocks)), encoding)


def _unite(parts: Iterable[tuple[int, FileScan]], encoding: str) -> dict[int, FileScan]:
    """Unite scans of blocks, given as pairs (file id, scan) in the order of blocks. With ``auto``, detect encodings."""
    scans: dict[int, FileScan] = {}
    for file_id, part in parts:
        scans.setdefault(file_id, FileScan(encoding)).add(part)
    if encoding == AUTO:
        for file_scan in scans.values():
            _detect_encoding(file_scan)
    return scans


def _detect_encoding(scan: FileScan) -> None:
    """Set ``encoding`` and ``n_invalid`` of a file's scan from its sample of lines that are invalid UTF-8.

    The encoding is UTF-8 if all lines, or more than a fifth of those beyond ASCII, are valid UTF-8, or if no other
    encoding is likely. A byte order mark of UTF-8 is not considered: Hadoop removes it from the first line.
    """
    scan.encoding = "utf-8"
    if scan.n_invalid and scan.n_non_ascii - scan.n_invalid <= _MAX_VALID_SHARE * scan.n_non_ascii:
        lines = [line for _, line in scan.invalid_sample]
        if detected := detect_encoding(lines, scan.n_invalid_by, scan.n_invalid):
            scan.encoding, scan.n_invalid = detected, scan.n_invalid_by[CANDIDATES.index(detected)]


def _to_row(key: Block, scan: FileScan) -> dict[str, object]:
    file_id, block = key
    return {
        "file_id": file_id,
        "block": block,
        "n_lines": scan.n_lines,
        "n_invalid": scan.n_invalid,
        "n_non_ascii": scan.n_non_ascii,
        "n_invalid_by": scan.n_invalid_by,
        "has_nul": scan.has_nul,
        "open_quotes": scan.open_quotes,
        "member_names": list(scan.member_names),
        "head": scan.head,
        "hashes": [line_hash for line_hash, _ in scan.sample],
        "sample": [line for _, line in scan.sample],
        "invalid_hashes": [line_hash for line_hash, _ in scan.invalid_sample],
        "invalid_sample": [line for _, line in scan.invalid_sample],
    }


def _from_row(row: Row) -> FileScan:
    return FileScan(
        n_lines=row.n_lines,
        n_invalid=row.n_invalid,
        n_non_ascii=row.n_non_ascii,
        n_invalid_by=row.n_invalid_by,
        has_nul=row.has_nul,
        open_quotes=row.open_quotes,
        member_names=dict.fromkeys(row.member_names),
        head=[bytes(line) for line in row.head],
        sample=list(zip(row.hashes, map(bytes, row.sample), strict=True)),
        invalid_sample=list(zip(row.invalid_hashes, map(bytes, row.invalid_sample), strict=True)),
    )


def consecutive_groups(batch: pa.RecordBatch, names: Sequence[str]) -> Iterator[tuple[tuple[int, ...], pa.RecordBatch]]:
    """Split a batch into runs of consecutive rows with equal values in the integer columns ``names``.

    Yields for each run a pair: the tuple of these values, and a RecordBatch of the rows.
    """
    keys = np.stack([batch.column(name).to_numpy() for name in names])
    starts = np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1
    bounds = [0, *starts.tolist(), batch.num_rows]
    for start, end in itertools.pairwise(bounds):
        if end > start:
            yield tuple(int(key) for key in keys[:, start]), batch.slice(start, end - start)


def _scan_lines(values: pa.Array, hashes: pa.Array, encoding: str, names: MemberNames | None) -> FileScan:
    """Return the FileScan of the lines ``values``; ``hashes`` has the hash of each line.

    The lines are JSON if ``names`` is given: the names of their members are added to it. The lines are CSV if ``names``
    is None: the scan records whether lines leave a quote open.
    """
    scan = FileScan(n_lines=len(values))
    _count_invalid(scan, values, hashes, encoding)
    content = joined_lines(values).to_pybytes()
    scan.has_nul = b"\0" in content
    if names is not None:
        _add_names(names, values)
    elif b'"' in content:
        for line in values.filter(pc.match_substring_regex(values, b'"')).to_pylist():
            scan.open_quotes = [
                is_open or not closed.fullmatch(line)
                for is_open, closed in zip(scan.open_quotes, CLOSED_LINES, strict=True)
            ]
    scan.head = pc.binary_slice(values[:HEAD_LINES], 0, MAX_LINE_BYTES).to_pylist()
    scan.sample = _lowest_hashes(values, hashes, SAMPLE_LINES)
    return scan


def _add_names(names: MemberNames, lines: pa.Array) -> None:
    """Add the member names of JSON objects, one per line, to ``names``.

    Parses only lines that match none of ``names.patterns``, which match lines with names that were added already.
    """
    n_used = 0
    while len(lines):
        for pattern in names.patterns[n_used:]:
            lines = lines.filter(pc.invert(pc.match_substring_regex(lines, pattern)))
        n_used = len(names.patterns)
        for line in lines[:1].to_pylist():
            names.add(line.removeprefix(codecs.BOM_UTF8))
        lines = lines[1:]


def _lowest_hashes(values: pa.Array, hashes: pa.Array, n_lines: int) -> list[tuple[int, bytes]]:
    """Return pairs (hash, line) of the ``n_lines`` distinct lines with the lowest hashes, a pseudo-random sample.

    ``values`` are the lines, and ``hashes`` has the hash of each line. Lines are cut at ``MAX_LINE_BYTES``.
    """
    lowest, first = np.unique(hashes.to_numpy(), return_index=True)
    sample = pc.binary_slice(values.take(first[:n_lines]), 0, MAX_LINE_BYTES)
    return list(zip(lowest.tolist()[:n_lines], sample.to_pylist(), strict=True))


def _count_invalid(scan: FileScan, values: pa.Array, hashes: pa.Array, encoding: str) -> None:
    """Count the lines that are invalid in ``encoding``, and set the counts in ``scan``.

    With ``auto``, count the lines that are invalid in UTF-8 and in each of ``CANDIDATES``, and sample those invalid in
    UTF-8. Arrow checks for valid UTF-8, the usual case.
    """
    if encoding in (AUTO, "utf-8"):
        try:
            texts = pc.cast(values, pa.string())
            if encoding == AUTO:
                scan.n_non_ascii = len(texts) - pc.sum(pc.string_is_ascii(texts), min_count=0).as_py()
            return
        except pa.ArrowInvalid:
            pass
    lines = values.to_pylist()
    if encoding != AUTO:
        scan.n_invalid = sum(not is_valid(line, encoding) for line in lines)
        return
    non_ascii = [line for line in lines if not line.isascii()]
    # joined, because nearly always all lines are valid, and one text is decoded faster than each line by itself
    text = b"\n".join(non_ascii)
    scan.n_invalid_by = [
        0 if is_valid(text, name) else sum(not is_valid(line, name) for line in non_ascii) for name in CANDIDATES
    ]
    invalid = np.array([not is_valid(line, "utf-8") for line in lines])
    scan.n_invalid, scan.n_non_ascii = int(invalid.sum()), len(non_ascii)
    mask = pa.array(invalid)
    scan.invalid_sample = _lowest_hashes(values.filter(mask), hashes.filter(mask), _ENCODING_SAMPLE_LINES)
