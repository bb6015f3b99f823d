"""One pass over the text of all files: what their headers, dialects and units can be told from.

Workers look at every line and return, for each block of a file, a few lines and some flags; nothing
that comes to the driver grows with the number of rows in a block.
"""

import codecs
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue.ingest.csv_dialect import DELIMITERS
from segue.ingest.input_files import InputFile, literal_path
from segue.ingest.records import CLOSED, MemberNames

HEAD_LINES = 20
SAMPLE_LINES = 256
_FIELDS = "file_id long, block long, lines long, invalid long, nul boolean"
SCAN_SCHEMA = (
    f"{_FIELDS}, open array<boolean>, keys array<string>, head array<binary>, hashes array<long>, sample array<binary>"
)


@dataclass(slots=True)
class FileScan:
    """What was seen of one file, or of one block of it."""

    lines: int = 0
    invalid: int = 0
    nul: bool = False
    open: list[bool] = field(default_factory=lambda: [False] * len(DELIMITERS))
    keys: dict[str, None] = field(default_factory=dict)
    head: list[bytes] = field(default_factory=list)
    sample: list[tuple[int, bytes]] = field(default_factory=list)

    def take(self, other: "FileScan") -> None:
        """Add what was seen of a later block. The sample is the lines with the smallest hashes: no order matters."""
        self.lines += other.lines
        self.invalid += other.invalid
        self.nul = self.nul or other.nul
        self.open = [mine or theirs for mine, theirs in zip(self.open, other.open, strict=True)]
        self.keys |= other.keys
        self.head = (self.head + other.head)[:HEAD_LINES]
        self.sample = sorted({*self.sample, *other.sample})[:SAMPLE_LINES]


def text_lines(spark: SparkSession, files: list[InputFile]) -> DataFrame:
    """Return the lines of text files: file_id, block (where in the file the task began), value (bytes), hash."""
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


def fit_scans(lines: DataFrame, encoding: str, *, json: bool) -> dict[int, FileScan]:
    """Return what was seen of every file, by file id. Runs one Spark job over all lines."""

    def scan(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        blocks: dict[tuple[int, ...], FileScan] = {}
        names: dict[tuple[int, ...], MemberNames] = {}
        for batch in batches:
            for key, rows in runs(batch, ("file_id", "block")):
                of_block = names.setdefault(key, MemberNames()) if json else None
                seen = _scan(rows.column("value"), rows.column("hash"), key[1] == 0, encoding, of_block)
                blocks.setdefault(key, FileScan()).take(seen)
        rows = [
            {
                "file_id": file_id,
                "block": block,
                "lines": seen.lines,
                "invalid": seen.invalid,
                "nul": seen.nul,
                "open": seen.open,
                "keys": list(names[file_id, block].found) if json else [],
                "head": seen.head,
                "hashes": [h for h, _ in seen.sample],
                "sample": [line for _, line in seen.sample],
            }
            for (file_id, block), seen in blocks.items()
        ]
        if rows:
            yield pa.RecordBatch.from_pylist(rows, schema=_ARROW)

    found: dict[int, FileScan] = {}
    for row in sorted(lines.mapInArrow(scan, SCAN_SCHEMA).collect(), key=lambda row: (row.file_id, row.block)):
        sample = list(zip(row.hashes, map(bytes, row.sample), strict=True))
        found.setdefault(row.file_id, FileScan()).take(
            FileScan(
                row.lines,
                row.invalid,
                row.nul,
                row.open,
                dict.fromkeys(row.keys),
                [bytes(h) for h in row.head],
                sample,
            )
        )
    return found


_ARROW = pa.schema(
    [
        ("file_id", pa.int64()),
        ("block", pa.int64()),
        ("lines", pa.int64()),
        ("invalid", pa.int64()),
        ("nul", pa.bool_()),
        ("open", pa.list_(pa.bool_())),
        ("keys", pa.list_(pa.string())),
        ("head", pa.list_(pa.binary())),
        ("hashes", pa.list_(pa.int64())),
        ("sample", pa.list_(pa.binary())),
    ]
)


def runs(batch: pa.RecordBatch, names: tuple[str, ...]) -> Iterator[tuple[tuple[int, ...], pa.RecordBatch]]:
    """Yield the stretches of a batch in which the named columns do not change, with their values."""
    keys = np.stack([batch.column(name).to_numpy() for name in names])
    starts = np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1
    bounds = [0, *starts.tolist(), batch.num_rows]
    for start, end in itertools.pairwise(bounds):
        if end > start:
            yield tuple(int(key) for key in keys[:, start]), batch.slice(start, end - start)


def _scan(values: pa.Array, hashes: pa.Array, first: bool, encoding: str, names: MemberNames | None) -> FileScan:
    seen = FileScan(lines=len(values))
    seen.invalid = _count_invalid(values, encoding)
    seen.nul = bool(pc.any(pc.match_substring(values, b"\0")).as_py())
    if names:
        for line in values.to_pylist():
            names.add(line.removeprefix(codecs.BOM_UTF8))
    else:
        for line in pc.filter(values, pc.match_substring(values, b'"')).to_pylist():
            seen.open = [o or not closed.fullmatch(line) for o, closed in zip(seen.open, CLOSED, strict=True)]
    if first:
        seen.head = values[:HEAD_LINES].to_pylist()
    lowest = np.argsort(hashes.to_numpy(), kind="stable")[:SAMPLE_LINES]
    seen.sample = sorted({(hashes[int(i)].as_py(), values[int(i)].as_py()) for i in lowest})
    return seen


def _count_invalid(values: pa.Array, encoding: str) -> int:
    """Return how many values are not in the encoding. Arrow checks UTF-8 all at once, which most files are."""
    if encoding == "utf-8":
        try:
            pc.cast(values, pa.string())
            return 0
        except pa.ArrowInvalid:
            pass
    return sum(not _is_text(value, encoding) for value in values.to_pylist())


def _is_text(value: bytes, encoding: str) -> bool:
    try:
        value.decode(encoding)
        return True
    except UnicodeDecodeError:
        return False
