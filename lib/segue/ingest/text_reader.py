"""Parse the lines of text files (CSV and JSON lines) into validated rows, in Spark's workers.

Ordinary lines are parsed by columns with Arrow, all other lines record by record with Python's ``csv`` and ``json``.
"""

import itertools
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import Accumulator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue import schema
from segue.ingest.file_plans import CompactPlans, FilePlan
from segue.ingest.formats import csv_columns, json_columns, records
from segue.ingest.formats.text_scan import Block, BlockScans, FileScan, consecutive_groups
from segue.ingest.row_collector import BATCH_ROWS, RowCollector
from segue.ingest.validation import VALIDATED_ROWS, Flags

_UNDECODED = re.compile("[\udc80-\udcff]")
"""Pattern of a byte that is invalid in the file's encoding, as decoded by the handler ``surrogateescape``."""
_ParsedRecord = list[str] | dict[str, str | None] | str
"""The fields of a CSV record, the members of a JSON object, or the reason why a record cannot be parsed."""


@dataclass(frozen=True, slots=True)
class ScanCollector:
    """Collects the scans of lines whose rows are read, to verify the FilePlans afterwards.

    Attributes
    ----------
    encoding : the setting ``ingest.encoding``
    blocks : Spark accumulator of a list, to which tasks add a pair (block, FileScan) for each block that they read
    """

    encoding: str
    blocks: Accumulator[list[tuple[Block, FileScan]]]


def read_text(
    lines: DataFrame,
    plans: dict[int, FilePlan],
    single_task: set[int],
    non_null_columns: Sequence[str],
    collector: ScanCollector | None = None,
) -> DataFrame:
    """Parse and validate lines; return a lazy DataFrame with the schema ``VALIDATED_ROWS``. Runs no Spark job.

    Parameters
    ----------
    lines : DataFrame
        The lines as ``text_scan.text_lines`` returns them.
    plans : dict of int to FilePlan
        How to read each file, by file id.
    single_task : set of int
        Ids of files with records that span lines: one task reads all lines of such a file in order. All other files
        are split into blocks by Spark, and each block is read by itself.
    non_null_columns : sequence of str
        Audio features without which a row is rejected.
    collector : ScanCollector or None
        If given, tasks also scan the lines, and add the scans to it. ``single_task`` must then be empty.
    """
    blocks = lines if collector else lines.select("file_id", "block", "value")
    # a join, because a condition with a literal for each of 100,000 files would take minutes to plan
    single_ids = lines.sparkSession.createDataFrame(pa.table({"file_id": sorted(single_task)})) if single_task else None
    compact = CompactPlans(plans)
    frames = []
    if single_task < plans.keys():
        in_blocks = blocks if single_ids is None else blocks.join(F.broadcast(single_ids), "file_id", "left_anti")
        read = _reader(compact, ("file_id", "block"), non_null_columns, collector)
        frames.append(in_blocks.mapInArrow(read, VALIDATED_ROWS))
    if single_ids is not None:
        # within a block, these ids increase from line to line: sorting by them restores the order after the shuffle
        of_singles = blocks.join(F.broadcast(single_ids), "file_id", "left_semi")
        numbered = of_singles.withColumn("line", F.monotonically_increasing_id())
        ordered = numbered.repartition(len(single_task), "file_id").sortWithinPartitions("file_id", "block", "line")
        frames.append(ordered.mapInArrow(_reader(compact, ("file_id",), non_null_columns), VALIDATED_ROWS))
    return frames[0] if len(frames) == 1 else frames[0].union(frames[1])


def _reader(
    plans: CompactPlans,
    key_columns: Sequence[str],
    non_null_columns: Sequence[str],
    scan_collector: ScanCollector | None = None,
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a function for ``mapInArrow`` that converts lines to validated rows.

    Consecutive lines with equal values in ``key_columns`` (file, and block) are read as one text, in which a record may
    span lines. If ``scan_collector`` is given, the lines are scanned too, and the scans are added to it.
    """

    def keyed_lines(
        batches: Iterable[pa.RecordBatch], scans: BlockScans | None
    ) -> Iterator[tuple[tuple[int, ...], pa.Array]]:
        for batch in batches:
            for key, rows in consecutive_groups(batch, key_columns):
                lines = rows.column("value")
                if scans is not None:
                    dialect = plans[key[0]].dialect
                    scan = scans.add(key, lines, rows.column("hash"), json=dialect is None)
                    if scan.has_nul or scan.spans_lines(dialect):
                        # the plan does not hold: these rows would be discarded, and one of them could have 128 MB
                        continue
                for start in range(0, len(lines), BATCH_ROWS):
                    yield key, lines[start : start + BATCH_ROWS]

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        collector = RowCollector(non_null_columns)
        scans = BlockScans(scan_collector.encoding) if scan_collector else None
        for key, group in itertools.groupby(keyed_lines(batches, scans), key=itemgetter(0)):
            plan, is_start = plans[key[0]], not any(key[1:])
            by_line = plan.by_line and "block" in key_columns
            parts = (lines for _, lines in group)
            if plan.dialect is None:
                yield from _read_json(parts, plan, collector, is_start=is_start)
            elif not plan.dialect.outer_delimiter:
                yield from _OrdinaryCsv(plan, by_line, collector).read(parts, is_start=is_start)
            else:
                yield from _read_records(parts, plan, collector, is_start=is_start, by_line=by_line)
        yield from collector.batches()
        if scan_collector and scans:
            scan_collector.blocks.add([*scans.blocks.items()])

    return read


def _read_records(
    parts: Iterable[pa.Array], plan: FilePlan, collector: RowCollector, *, is_start: bool, by_line: bool
) -> Iterator[pa.RecordBatch]:
    """Parse lines as one text, record by record; add the rows to ``collector``, and yield its batches as they fill."""
    lines = itertools.chain.from_iterable(part.to_pylist() for part in parts)
    text = records.decode_lines(lines, plan.encoding, is_start=is_start)
    for record, raw in _parse_records(text, plan, is_start=is_start, by_line=by_line):
        raw_text, texts = _column_texts(record, raw, plan)
        collector.add(plan.source_file, raw_text, plan.layout, texts)
        yield from collector.batches(BATCH_ROWS)


def _read_json(
    parts: Iterable[pa.Array], plan: FilePlan, collector: RowCollector, *, is_start: bool
) -> Iterator[pa.RecordBatch]:
    """Parse lines of JSON; yield batches of validated rows, and add the remaining rows to ``collector``.

    Ordinary lines (``json_columns.ordinary_lines``) are parsed by columns, all other lines one by one.
    """
    headers = {name: column.header for name, column in plan.layout.columns.items()}
    numbers = {headers[feature.name] for feature in schema.NUMBERS if feature.name in headers}
    for lines in parts:
        texts = csv_columns.decoded_lines(lines, plan.encoding)
        flags = json_columns.ordinary_lines(texts)
        ordinary = pa.array(flags)
        others = [lines.filter(pc.invert(ordinary))]
        lines, texts = lines.filter(ordinary), texts.filter(ordinary)
        start = 0
        for n_lines, members in json_columns.member_columns(texts, headers.values(), numbers):
            raws = texts[start : start + n_lines]
            if members is None:
                others.append(lines[start : start + n_lines])
            else:
                columns = {name: members[header] for name, header in headers.items()}
                yield from collector.add_columns(plan.source_file, raws, plan.layout, columns)
            start += n_lines
        is_first = is_start and not flags[:1].any()
        yield from _read_records(others, plan, collector, is_start=is_first, by_line=False)
        is_start = False


class _OrdinaryCsv:
    """Reads the lines of a CSV file, or of a block of a file, whose dialect has no outer delimiter.

    Ordinary lines (``csv_columns.ordinary_lines``) are parsed by columns, all others record by record.
    """

    def __init__(self, plan: FilePlan, by_line: bool, collector: RowCollector) -> None:
        self._plan = plan
        self._by_line = by_line
        self._collector = collector

    def read(self, parts: Iterator[pa.Array], *, is_start: bool) -> Iterator[pa.RecordBatch]:
        """Yield batches of validated rows, and add the remaining rows to the collector. A record may span ``parts``."""
        held: list[pa.Array] = []
        for part in parts:
            lines = pa.concat_arrays([*held, part])
            n_skipped = self._plan.n_skipped if is_start else 0
            skipped = lines[:n_skipped].to_pylist()
            # n_skipped counts lines as split at lone carriage returns too; only _read_all splits before it skips
            if is_start and (not 0 < n_skipped <= len(lines) or any(b"\r" in line[:-1] for line in skipped)):
                yield from self._read_all(itertools.chain([lines], parts), is_start=True)
                return
            is_start = False
            lines = lines[n_skipped:]
            held = [lines[(yield from self._read_part(lines)) :]]
            yield from self._collector.batches(BATCH_ROWS)
            if len(held[0]) > len(part):
                # a quote was opened before this part; reading the lines since then once per part takes quadratic time
                break
        yield from self._read_all(itertools.chain(held, parts), is_start=False)

    def _read_all(self, parts: Iterable[pa.Array], *, is_start: bool) -> Iterator[pa.RecordBatch]:
        return _read_records(parts, self._plan, self._collector, is_start=is_start, by_line=self._by_line)

    def _read_part(self, lines: pa.Array) -> Generator[pa.RecordBatch, None, int]:
        """Read lines up to the end of the last complete record; yield batches, and return the number of lines read."""
        plan = self._plan
        assert plan.dialect is not None
        delimiter, n_columns = plan.dialect.delimiter, len(plan.names)
        texts = csv_columns.decoded_lines(lines, plan.encoding)
        ordinary = csv_columns.ordinary_lines(texts, delimiter, n_columns)
        n_read = self._read_others(lines, ordinary)
        if not ordinary.any():
            return n_read
        raws = texts.filter(pa.array(ordinary))
        indices = {name: column.index for name, column in plan.layout.columns.items()}
        columns = csv_columns.split_columns(raws, delimiter, n_columns, indices.values())
        yield from self._collector.add_columns(
            plan.source_file, raws, plan.layout, {name: columns[index] for name, index in indices.items()}
        )
        return n_read

    def _read_others(self, lines: pa.Array, ordinary: Flags) -> int:
        """Read the records that begin in lines that are not ordinary.

        ``ordinary`` has a flag per line. The flags of all lines of these records, and of all lines from an incomplete
        record on, are set to False. Returns the number of lines up to the end of the last complete record.
        """
        n_read = 0
        for first in np.flatnonzero(~ordinary).tolist():
            if first >= n_read:
                end, is_complete = self._read_from(lines, first, ordinary)
                ordinary[first : end if is_complete else None] = False
                if not is_complete:
                    return end
                n_read = end
        return len(lines)

    def _read_from(self, lines: pa.Array, first: int, ordinary: Flags) -> tuple[int, bool]:
        """Read records from line ``first`` on, until an ordinary line follows a record, or to the last line.

        Returns (end, is_complete). ``end`` is the number of lines up to the end of the last complete record.
        ``is_complete`` is False if an incomplete record follows, such as one with a quote left open.
        """
        text = _CountedLines(lines, first, self._plan.encoding)
        end, complete = first, []
        for record in _parse_csv(text, self._plan, by_line=self._by_line):
            if text.is_exhausted:
                return end, False
            complete.append(record)
            if not text.pending:
                self._add_records(complete)
                end, complete = text.n_lines, []
                if end < len(lines) and ordinary[end]:
                    return end, True
        # only blank lines follow the last record
        self._add_records(complete)
        return len(lines), True

    def _add_records(self, parsed: Iterable[tuple[_ParsedRecord, str]]) -> None:
        for record, raw in parsed:
            raw_text, texts = _column_texts(record, raw, self._plan)
            self._collector.add(self._plan.source_file, raw_text, self._plan.layout, texts)


class _CountedLines:
    """An iterator that decodes ``lines[first:]`` by ``records.decode_lines``, and counts the lines from line 0 on."""

    def __init__(self, lines: pa.Array, first: int, encoding: str) -> None:
        self._lines = lines
        self._encoding = encoding
        self.pending: list[str] = []
        """The remaining parts, in reverse order, of a line that was split at carriage returns."""
        self.n_lines = first
        """Number of lines up to the last line that was returned, completely or in part."""
        self.is_exhausted = False
        """Whether a line after the last was requested."""

    def __iter__(self) -> "_CountedLines":
        return self

    def __next__(self) -> str:
        if not self.pending:
            if self.n_lines == len(self._lines):
                self.is_exhausted = True
                raise StopIteration
            line = self._lines[self.n_lines].as_py()
            self.pending = list(records.decode_lines([line], self._encoding, is_start=False))[::-1]
            self.n_lines += 1
        return self.pending.pop()


def _parse_records(
    text: Iterable[str], plan: FilePlan, *, is_start: bool, by_line: bool
) -> Iterator[tuple[_ParsedRecord, str]]:
    """Parse lines; yield (record, raw text). A record is CSV fields, JSON members, or the reason to reject it.

    ``is_start``: whether the text begins with the first line of the file. If it does, and the file is CSV, the first
    ``plan.n_skipped`` lines are left out. ``by_line``: whether each CSV record ends with its line.
    """
    if plan.dialect is None:
        stripped = (line.strip() for line in text)
        return ((_parse_json(line), line) for line in stripped if line)
    return _parse_csv(itertools.islice(text, plan.n_skipped if is_start else 0, None), plan, by_line=by_line)


def _parse_csv(text: Iterable[str], plan: FilePlan, *, by_line: bool) -> Iterator[tuple[list[str] | str, str]]:
    assert plan.dialect is not None
    parse = records.csv_records_by_line if by_line else records.csv_records
    return parse(text, plan.dialect)


def _parse_json(line: str) -> _ParsedRecord:
    members = records.json_object(line)
    return "not a JSON object" if members is None else members


def _column_texts(record: _ParsedRecord, raw: str, plan: FilePlan) -> tuple[str, dict[str, str | None] | str]:
    """Return a record's raw text, and a dict from column of ``tracks`` to its text, such as {"bpm": "120"}.

    If the record cannot be read, returns the reason to reject it in place of the dict, such as "half a Unicode
    character".
    """
    if plan.has_invalid and not raw.isascii() and not _is_encodable(raw):
        escaped = _UNDECODED.sub(lambda byte: f"\\x{ord(byte[0]) & 0xFF:02x}", raw)
        return escaped, f"bytes that are not {plan.encoding}"
    if isinstance(record, str):
        return raw, record
    if isinstance(record, dict):
        members = {name: record.get(column.header) for name, column in plan.layout.columns.items()}
        valid = all(text is None or _is_encodable(text) for text in members.values())
        return raw, members if valid else "half a Unicode character"
    # guard: field-count-checked -> problem = None
    problem = records.field_count_error(record, len(plan.names))
    return raw, problem or {name: record[column.index] for name, column in plan.layout.columns.items()}


def _is_encodable(text: str) -> bool:
    """Return whether UTF-8 can encode a text. Lone surrogates, from invalid bytes or JSON escapes, make it False."""
    try:
        text.encode("utf-8")
        return True
    except UnicodeEncodeError:
        return False
