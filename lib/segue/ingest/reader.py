"""From files to judged rows: look through, recognise, read."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from segue.errors import InputError
from segue.ingest import records, text_reader, text_scan, typed_reader
from segue.ingest.column_matching import ColumnLayout, match_columns, match_headers
from segue.ingest.csv_dialect import DELIMITERS, Dialect, Header, find_header
from segue.ingest.input_files import InputFile, readable_errors
from segue.ingest.source_definitions import Source

log = logging.getLogger(__name__)
WHOLE_UP_TO = 1 << 30
"""Bytes: a larger file with quoted line breaks is read in blocks all the same, and the run says so."""


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How text is read: see ``ingest.*`` in ``conf/defaults.toml``."""

    encoding: str = "utf-8"
    invalid_utf8: str = "refuse"
    multiline: bool | str = "auto"


@dataclass(frozen=True, slots=True)
class InputRows:
    """The judged rows of an input (``text_reader.ROWS``), what its columns mean, and the files they came from."""

    frame: DataFrame
    layouts: tuple[ColumnLayout, ...]
    files: tuple[InputFile, ...]


def read_rows(
    spark: SparkSession,
    files: Sequence[InputFile],
    sources: Sequence[Source],
    needed: Sequence[str],
    options: TextOptions,
    *,
    missing_rejects: bool,
) -> InputRows:
    """Return every row of the input, judged; see ``text_reader.ROWS``.

    Parameters
    ----------
    files : of the input, one at least, see ``input_files.list_input``
    sources : the known sources
    needed : columns without which the input cannot be used
    options : how text is read
    missing_rejects : whether a row that lacks a value in a needed column is no track

    Raises
    ------
    InputError
        If nothing can be read, or a file lacks a needed column.
    """
    required = needed if missing_rejects else ()
    typed_reader.refuse_delta_parts(spark, [file for file in files if file.format == "parquet"])
    text = [file for file in files if file.format in ("csv", "json")]
    layouts: list[ColumnLayout] = []
    frames = []
    if text:
        frames.append(_text_rows(spark, text, sources, options, layouts, needed, required))
    for kind in ("parquet", "delta"):
        of_kind = [file for file in files if file.format == kind]
        if of_kind:
            frames.append(_typed_rows(spark, of_kind, sources, layouts, needed, required))
    for decision in dict.fromkeys(decision for layout in layouts for decision in layout.decisions):
        log.info("%s", decision)
    _name_ignored(layouts)
    return InputRows(reduce(DataFrame.union, frames), tuple(layouts), tuple(files))


def _text_rows(
    spark: SparkSession,
    files: list[InputFile],
    sources: Sequence[Source],
    options: TextOptions,
    layouts: list[ColumnLayout],
    needed: Sequence[str],
    required: Sequence[str],
) -> DataFrame:
    lines = text_scan.text_lines(spark, files)
    scans: dict[int, text_scan.FileScan] = {}
    for kind in ("csv", "json"):
        of_kind = [file for file in files if file.format == kind]
        if of_kind:
            with readable_errors(_names(of_kind)):
                scans |= text_scan.fit_scans(
                    text_scan.text_lines(spark, of_kind), options.encoding, json=kind == "json"
                )
    _refuse_unreadable(files, scans, options)
    headers = {file.id: _header(file, scans[file.id], sources, options) for file in files if file.id in scans}
    groups: dict[tuple[str, Header], list[InputFile]] = {}
    for file in files:
        if file.id in headers:
            header = headers[file.id]
            groups.setdefault((file.format, header), []).append(file)
    plans: dict[int, text_reader.FilePlan] = {}
    for (kind, header), members in groups.items():
        together = _sample(kind, header, [scans[file.id] for file in members], options)
        alike: dict[str, ColumnLayout] = {}
        for file in members:
            seen = scans[file.id]
            own = _sample(kind, header, [seen], options) if len(members) > 1 else together
            layout = match_columns(header.names, own, sources, together)
            layout = alike.setdefault(repr(layout), layout)
            invalid = seen.invalid > 0
            dialect = header.dialect if kind == "csv" else None
            by_line = options.multiline is not True and _spans(seen, dialect)
            plans[file.id] = text_reader.FilePlan(
                file.relative, layout, header.names, dialect, header.skipped, invalid, by_line
            )
        for layout in alike.values():
            _require(layout, header.names, needed, members)
        layouts.extend(alike.values())
    return text_reader.read_text(lines, plans, _whole(files, scans, plans, options), options.encoding, required)


def _typed_rows(
    spark: SparkSession,
    files: list[InputFile],
    sources: Sequence[Source],
    layouts: list[ColumnLayout],
    needed: Sequence[str],
    required: Sequence[str],
) -> DataFrame:
    frames, alike = [], [files]
    if files[0].format == "parquet":
        with readable_errors(_names(files)):
            alike = typed_reader.group_by_schema(spark, files)
    for members in alike:
        with readable_errors(_names(members)):
            names, rows = typed_reader.typed_rows(spark, members)
            writes = typed_reader.group_by_write(members)
            samples = typed_reader.fit_samples(rows, writes)
        together = [row for sample in samples for row in sample]
        of_files: dict[str, ColumnLayout] = {}
        for written, own in zip(writes, samples, strict=True):
            layout = match_columns(names, own, sources, together)
            _require(layout, names, needed, written)
            layouts.append(layout)
            of_files |= {file.relative: layout for file in written}
        frames.append(text_reader.read_typed(rows, of_files, required))
    return reduce(DataFrame.union, frames)


def _refuse_unreadable(files: list[InputFile], scans: dict[int, text_scan.FileScan], options: TextOptions) -> None:
    if not scans:
        raise InputError(f"{_names(files)}: empty, wanted a header and rows")
    for file in files:
        seen = scans.get(file.id)
        if seen and seen.nul:
            raise InputError(f"{file.relative}: holds NUL bytes, so it is no text file; wanted CSV or JSON lines")
        if seen and seen.invalid and options.invalid_utf8 == "refuse":
            raise InputError(
                f"{file.relative}: {seen.invalid} of {seen.lines} lines are not "
                f"{options.encoding.upper()}; say how it is written, such as "
                "--set ingest.encoding=cp1252, or leave those rows out with --set ingest.invalid_utf8=reject"
            )


def _header(file: InputFile, seen: text_scan.FileScan, sources: Sequence[Source], options: TextOptions) -> Header:
    if file.format == "json":
        if not seen.keys:
            raise InputError(f"{file.relative}: no line is a JSON object, wanted one object a line")
        return Header(Dialect(DELIMITERS[0]), tuple(sorted(seen.keys)), 0)
    lines = list(text_reader.decoded(seen.head, options.encoding, first=True))
    header = find_header(lines, lambda names: len(match_headers(names, sources)[1]))
    if header is None:
        raise InputError(f"{file.relative}: empty, wanted a header and rows")
    return header


def _sample(kind: str, header: Header, scans: list[text_scan.FileScan], options: TextOptions) -> list[list[str | None]]:
    """Return the sampled rows of all files with this header, without those that are not whole rows."""
    merged = text_scan.FileScan()
    for seen in scans:
        merged.take(seen)
    lines = list(text_reader.decoded([line for _, line in merged.sample], options.encoding, first=True))
    if kind == "json":
        objects = [members for line in lines if (members := records.json_object(line))]
        return [[members.get(name) for name in header.names] for members in objects]
    found = [fields for line in lines for fields, _ in records.csv_records([line], header.dialect)]
    return [
        list(fields)
        for fields in found
        if not isinstance(fields, str)
        and not records.field_count_error(fields, len(header.names))
        and tuple(name.strip() for name in fields[: len(header.names)]) != header.names
    ]


def _require(layout: ColumnLayout, names: Sequence[str], needed: Sequence[str], files: list[InputFile]) -> None:
    shown = ", ".join(repr(name) for name in names)[:400]
    if not layout.columns:
        raise InputError(
            f"{_names(files)}: no column is recognised; found {shown or 'none'}, wanted a header line with "
            f"names such as title, artist, {', '.join(needed)}; other names can be added in conf/sources/"
        )
    lacking = [column for column in needed if column not in layout.columns]
    if lacking:
        rest = ",".join(column for column in needed if column not in lacking)
        way_out = f"go on without with --set features.columns={rest}, or " if rest else ""
        raise InputError(
            f"{_names(files)}: no column for {' and '.join(lacking)}; found {shown}; "
            f"{way_out}say in conf/sources/ what they are called"
        )
    if not {"title", "track_id"} & layout.columns.keys():
        raise InputError(f"{_names(files)}: no column for title and none for track_id, wanted one; found {shown}")


def _whole(
    files: list[InputFile],
    scans: dict[int, text_scan.FileScan],
    plans: dict[int, text_reader.FilePlan],
    options: TextOptions,
) -> set[int]:
    """Return the ids of the CSV files to read whole, because records go over several lines."""
    whole = set()
    for file in files:
        dialect = plans[file.id].dialect if file.id in plans else None
        if dialect is None or options.multiline is False:
            continue
        spans = _spans(scans[file.id], dialect)
        if options.multiline == "auto" and spans and file.size > WHOLE_UP_TO:
            log.warning(
                "%s: has quotes left open at line ends, but at %d MB it is read in blocks, so rows over several "
                "lines are rejected; --set ingest.multiline=true reads it in one task",
                file.relative,
                file.size >> 20,
            )
        elif spans or options.multiline is True:
            whole.add(file.id)
    return whole


def _spans(seen: text_scan.FileScan, dialect: Dialect | None) -> bool:
    """Tell whether quotes are left open at the end of some line."""
    return dialect is not None and seen.open[DELIMITERS.index(dialect.outer)]


def _name_ignored(layouts: list[ColumnLayout]) -> None:
    ignored = dict.fromkeys(name for layout in layouts for name in layout.ignored)
    if ignored:
        log.info("columns that no source knows are ignored: %s", ", ".join(ignored))


def _names(files: list[InputFile]) -> str:
    first = ", ".join(file.relative for file in files[:3])
    return first + (f" and {len(files) - 3} more" if len(files) > 3 else "")
