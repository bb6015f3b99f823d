"""Scan all text files once, and collect what their headers, dialects, units and faults are determined from.

Workers scan every line and return a few lines and counts for each block of a file, so what the driver receives grows
with the number of blocks, not of rows.
"""

import codecs
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from segue.ingest.input_files import InputFile, literal_path
from segue.ingest.records import CLOSED_LINES, DELIMITERS, MemberNames

HEAD_LINES = 20
SAMPLE_LINES = 256
MAX_LINE_BYTES = 1 << 20
"""What the driver receives of a line: a JSON document may be one line of any length."""
_ARROW_SCHEMA = pa.schema(
    [
        ("file_id", pa.int64()),
        ("block", pa.int64()),
        ("n_lines", pa.int64()),
        ("n_invalid", pa.int64()),
        ("has_nul", pa.bool_()),
        ("open_quotes", pa.list_(pa.bool_())),
        ("member_names", pa.list_(pa.string())),
        ("head", pa.list_(pa.binary())),
        ("hashes", pa.list_(pa.int64())),
        ("sample", pa.list_(pa.binary())),
    ]
)


@dataclass(slots=True)
class FileScan:
    """What one pass over the lines of a file, or of one block of it, has found.

    Attributes
    ----------
    n_lines : number of lines
    n_invalid : number of lines that are not valid in the file's encoding
    has_nul : whether a line holds a NUL byte
    open_quotes : for each of ``DELIMITERS``, whether a line ends inside quotes
    member_names : names of the members of JSON objects, in order, as keys of a dict; empty for CSV
    head : the first ``HEAD_LINES`` lines of the file
    sample : hash and text of up to ``SAMPLE_LINES`` distinct lines, those with the smallest hashes
    """

    n_lines: int = 0
    n_invalid: int = 0
    has_nul: bool = False
    open_quotes: list[bool] = field(default_factory=lambda: [False] * len(DELIMITERS))
    member_names: dict[str, None] = field(default_factory=dict)
    head: list[bytes] = field(default_factory=list)
    sample: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, other: "FileScan") -> None:
        """Add to this scan that of a later block, or of another file with the same header."""
        self.n_lines += other.n_lines
        self.n_invalid += other.n_invalid
        self.has_nul = self.has_nul or other.has_nul
        self.open_quotes = [a or b for a, b in zip(self.open_quotes, other.open_quotes, strict=True)]
        self.member_names |= other.member_names
        self.head = (self.head + other.head)[:HEAD_LINES]
        self.sample = sorted({*self.sample, *other.sample})[:SAMPLE_LINES]


def text_lines(spark: SparkSession, files: Sequence[InputFile]) -> DataFrame:
    """Return the lines of text files, split at line feeds.

    Returns
    -------
    DataFrame
        ``file_id`` (long), ``block`` (long: the byte offset at which the task's part of the file begins),
        ``value`` (binary) and ``hash`` (long, xxhash64 of the value).
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
    """Return a dict from file id to FileScan, for every file that has a line. Runs one Spark job over all lines.

    Parameters
    ----------
    lines : DataFrame
        The lines as ``text_lines`` returns them.
    encoding : str
        Encoding of all files, a superset of ASCII.
    json : bool
        Whether the files hold JSON lines: their member names are collected, and quotes are not checked.
    """

    def scan(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        blocks: dict[tuple[int, ...], FileScan] = {}
        names: dict[tuple[int, ...], MemberNames] = {}
        for batch in batches:
            for key, rows in consecutive_groups(batch, ("file_id", "block")):
                block_names = names.setdefault(key, MemberNames()) if json else None
                part = _scan_lines(rows.column("value"), rows.column("hash"), encoding, block_names)
                if key[1] != 0:
                    part.head = []
                blocks.setdefault(key, FileScan()).add(part)
        for key, collected in names.items():
            blocks[key].member_names = collected.names
        if blocks:
            rows = [_to_row(key, block) for key, block in blocks.items()]
            yield pa.RecordBatch.from_pylist(rows, schema=_ARROW_SCHEMA)

    scans: dict[int, FileScan] = {}
    rows = lines.mapInArrow(scan, from_arrow_schema(_ARROW_SCHEMA)).collect()
    for row in sorted(rows, key=lambda row: (row.file_id, row.block)):
        scans.setdefault(row.file_id, FileScan()).add(_from_row(row))
    return scans


def _to_row(key: tuple[int, ...], scan: FileScan) -> dict[str, object]:
    file_id, block = key
    return {
        "file_id": file_id,
        "block": block,
        "n_lines": scan.n_lines,
        "n_invalid": scan.n_invalid,
        "has_nul": scan.has_nul,
        "open_quotes": scan.open_quotes,
        "member_names": list(scan.member_names),
        "head": scan.head,
        "hashes": [line_hash for line_hash, _ in scan.sample],
        "sample": [line for _, line in scan.sample],
    }


def _from_row(row: Row) -> FileScan:
    return FileScan(
        row.n_lines,
        row.n_invalid,
        row.has_nul,
        row.open_quotes,
        dict.fromkeys(row.member_names),
        [bytes(line) for line in row.head],
        list(zip(row.hashes, map(bytes, row.sample), strict=True)),
    )


def consecutive_groups(batch: pa.RecordBatch, names: Sequence[str]) -> Iterator[tuple[tuple[int, ...], pa.RecordBatch]]:
    """Split a batch wherever one of the named integer columns changes.

    Yields, for each part, a tuple of the values of these columns and a RecordBatch of the part's rows.
    """
    keys = np.stack([batch.column(name).to_numpy() for name in names])
    starts = np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1
    bounds = [0, *starts.tolist(), batch.num_rows]
    for start, end in itertools.pairwise(bounds):
        if end > start:
            yield tuple(int(key) for key in keys[:, start]), batch.slice(start, end - start)


def _scan_lines(values: pa.Array, hashes: pa.Array, encoding: str, names: MemberNames | None) -> FileScan:
    """Return the FileScan of some lines. Adds names of JSON members to ``names``; if it is None, checks CSV quotes."""
    scan = FileScan(n_lines=len(values), n_invalid=_count_invalid(values, encoding))
    scan.has_nul = bool(pc.any(pc.match_substring(values, b"\0")).as_py())
    if names is not None:
        for line in values.to_pylist():
            names.add(line.removeprefix(codecs.BOM_UTF8))
    else:
        for line in pc.filter(values, pc.match_substring(values, b'"')).to_pylist():
            scan.open_quotes = [
                is_open or not closed.fullmatch(line)
                for is_open, closed in zip(scan.open_quotes, CLOSED_LINES, strict=True)
            ]
    scan.head = pc.binary_slice(values[:HEAD_LINES], 0, MAX_LINE_BYTES).to_pylist()
    lowest, first = np.unique(hashes.to_numpy(), return_index=True)
    sample = pc.binary_slice(values.take(first[:SAMPLE_LINES]), 0, MAX_LINE_BYTES)
    scan.sample = list(zip(lowest.tolist()[:SAMPLE_LINES], sample.to_pylist(), strict=True))
    return scan


def _count_invalid(values: pa.Array, encoding: str) -> int:
    """Return how many values are not valid in the encoding. Valid UTF-8, the usual case, is checked by Arrow."""
    if encoding == "utf-8":
        try:
            pc.cast(values, pa.string())
            return 0
        except pa.ArrowInvalid:
            pass
    return sum(not _is_valid(value, encoding) for value in values.to_pylist())


def _is_valid(value: bytes, encoding: str) -> bool:
    try:
        value.decode(encoding)
        return True
    except UnicodeDecodeError:
        return False
