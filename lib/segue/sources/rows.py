"""From files to judged rows: look through, recognise, read."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from segue.errors import InputError
from segue.sources import read, records, scan, typed
from segue.sources.definition import Source
from segue.sources.dialect import DELIMITERS, Dialect, Header, find_header
from segue.sources.listing import InputFile, reading
from segue.sources.recognise import Layout, match_headers, recognise

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
class Rows:
    """The judged rows of an input (``read.ROWS``), what its columns mean, and the files they came from."""

    frame: DataFrame
    layouts: tuple[Layout, ...]
    files: tuple[InputFile, ...]


def read_rows(
    spark: SparkSession,
    files: Sequence[InputFile],
    sources: Sequence[Source],
    needed: Sequence[str],
    options: TextOptions,
    *,
    missing_rejects: bool,
) -> Rows:
    """Return every row of the input, judged; see ``read.ROWS``.

    Parameters
    ----------
    files : of the input, one at least, see ``listing.list_input``
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
    typed.refuse_parts(spark, [file for file in files if file.format == "parquet"])
    text = [file for file in files if file.format in ("csv", "json")]
    layouts: list[Layout] = []
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
    return Rows(reduce(DataFrame.union, frames), tuple(layouts), tuple(files))


def _text_rows(
    spark: SparkSession,
    files: list[InputFile],
    sources: Sequence[Source],
    options: TextOptions,
    layouts: list[Layout],
    needed: Sequence[str],
    required: Sequence[str],
) -> DataFrame:
    lines = scan.text_lines(spark, files)
    scans: dict[int, scan.Scan] = {}
    for kind in ("csv", "json"):
        of_kind = [file for file in files if file.format == kind]
        if of_kind:
            with reading(_names(of_kind)):
                scans |= scan.fit_scans(scan.text_lines(spark, of_kind), options.encoding, json=kind == "json")
    _refuse_unreadable(files, scans, options)
    headers = {file.id: _header(file, scans[file.id], sources, options) for file in files if file.id in scans}
    groups: dict[tuple[str, Header], list[InputFile]] = {}
    for file in files:
        if file.id in headers:
            header = headers[file.id]
            groups.setdefault((file.format, header), []).append(file)
    plans: dict[int, read.FilePlan] = {}
    for (kind, header), members in groups.items():
        together = _sample(kind, header, [scans[file.id] for file in members], options)
        alike: dict[str, Layout] = {}
        for file in members:
            seen = scans[file.id]
            own = _sample(kind, header, [seen], options) if len(members) > 1 else together
            layout = recognise(header.names, own, sources, together)
            layout = alike.setdefault(repr(layout), layout)
            invalid = seen.invalid > 0
            dialect = header.dialect if kind == "csv" else None
            by_line = options.multiline is not True and _spans(seen, dialect)
            plans[file.id] = read.FilePlan(
                file.relative, layout, header.names, dialect, header.skipped, invalid, by_line
            )
        for layout in alike.values():
            _require(layout, header.names, needed, members)
        layouts.extend(alike.values())
    return read.read_text(lines, plans, _whole(files, scans, plans, options), options.encoding, required)


def _typed_rows(
    spark: SparkSession,
    files: list[InputFile],
    sources: Sequence[Source],
    layouts: list[Layout],
    needed: Sequence[str],
    required: Sequence[str],
) -> DataFrame:
    frames, alike = [], [files]
    if files[0].format == "parquet":
        with reading(_names(files)):
            alike = typed.by_schema(spark, files)
    for members in alike:
        with reading(_names(members)):
            names, rows = typed.typed_rows(spark, members)
            writes = typed.by_write(members)
            samples = typed.fit_samples(rows, writes)
        together = [row for sample in samples for row in sample]
        of_files: dict[str, Layout] = {}
        for written, own in zip(writes, samples, strict=True):
            layout = recognise(names, own, sources, together)
            _require(layout, names, needed, written)
            layouts.append(layout)
            of_files |= {file.relative: layout for file in written}
        frames.append(read.read_typed(rows, of_files, required))
    return reduce(DataFrame.union, frames)


def _refuse_unreadable(files: list[InputFile], scans: dict[int, scan.Scan], options: TextOptions) -> None:
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


def _header(file: InputFile, seen: scan.Scan, sources: Sequence[Source], options: TextOptions) -> Header:
    if file.format == "json":
        if not seen.keys:
            raise InputError(f"{file.relative}: no line is a JSON object, wanted one object a line")
        return Header(Dialect(DELIMITERS[0]), tuple(sorted(seen.keys)), 0)
    lines = list(read.decoded(seen.head, options.encoding, first=True))
    header = find_header(lines, lambda names: len(match_headers(names, sources)[1]))
    if header is None:
        raise InputError(f"{file.relative}: empty, wanted a header and rows")
    return header


def _sample(kind: str, header: Header, scans: list[scan.Scan], options: TextOptions) -> list[list[str | None]]:
    """Return the sampled rows of all files with this header, without those that are not whole rows."""
    merged = scan.Scan()
    for seen in scans:
        merged.take(seen)
    lines = list(read.decoded([line for _, line in merged.sample], options.encoding, first=True))
    if kind == "json":
        objects = [members for line in lines if (members := records.json_object(line))]
        return [[members.get(name) for name in header.names] for members in objects]
    found = [fields for line in lines for fields, _ in records.csv_records([line], header.dialect)]
    return [
        list(fields)
        for fields in found
        if not isinstance(fields, str)
        and not records.misfit(fields, len(header.names))
        and tuple(name.strip() for name in fields[: len(header.names)]) != header.names
    ]


def _require(layout: Layout, names: Sequence[str], needed: Sequence[str], files: list[InputFile]) -> None:
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
    scans: dict[int, scan.Scan],
    plans: dict[int, read.FilePlan],
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


def _spans(seen: scan.Scan, dialect: Dialect | None) -> bool:
    """Tell whether quotes are left open at the end of some line."""
    return dialect is not None and seen.open[DELIMITERS.index(dialect.outer)]


def _name_ignored(layouts: list[Layout]) -> None:
    ignored = dict.fromkeys(name for layout in layouts for name in layout.ignored)
    if ignored:
        log.info("columns that no source knows are ignored: %s", ", ".join(ignored))


def _names(files: list[InputFile]) -> str:
    first = ", ".join(file.relative for file in files[:3])
    return first + (f" and {len(files) - 3} more" if len(files) > 3 else "")
