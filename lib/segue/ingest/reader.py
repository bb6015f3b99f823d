"""Read input files into validated rows: scan the text files, match the columns of every file, and read all rows."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from segue.errors import InputError
from segue.ingest import conversion, foreign_formats, records, text_reader, text_scan, typed_reader
from segue.ingest.column_matching import ColumnLayout, Source, match_columns, match_headers
from segue.ingest.input_files import InputFile, readable_errors
from segue.ingest.member_headers import known_headers, match_members, order_members
from segue.ingest.records import DELIMITERS, Dialect, Header, MemberNames, detect_header
from segue.ingest.text_scan import FileScan
from segue.ingest.units import SampleValues

log = logging.getLogger(__name__)
MAX_SINGLE_TASK_BYTES = 1 << 30
"""With ``multiline = "auto"``, files whose records span lines are read in one task up to this size."""
_MAX_HEADER_LENGTH = 400
"""Maximum number of characters of a header that an error message quotes."""


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How to read text files: the settings ``ingest.encoding``, ``ingest.invalid_utf8`` and ``ingest.multiline``."""

    encoding: str = "utf-8"
    invalid_utf8: str = "refuse"
    multiline: bool | str = "auto"


@dataclass(frozen=True, slots=True)
class InputRows:
    """The rows of an input, their column layouts, and the files read.

    ``frame`` is a lazy DataFrame of validated rows with the schema ``validation.VALIDATED_ROWS``.
    """

    frame: DataFrame
    layouts: tuple[ColumnLayout, ...]
    files: tuple[InputFile, ...]


@dataclass(frozen=True, slots=True)
class _ColumnRules:
    """The source definitions, the columns that a file must have, and the columns in which a row must have a value."""

    sources: Sequence[Source]
    required_columns: Sequence[str]
    non_null_columns: Sequence[str]


def read_rows(
    spark: SparkSession,
    files: Sequence[InputFile],
    sources: Sequence[Source],
    required_columns: Sequence[str],
    options: TextOptions,
    *,
    missing_rejects: bool,
) -> InputRows:
    """Return a lazy DataFrame of all rows of the input, with the column layouts and the files, as InputRows.

    Rows are validated when the DataFrame is computed. To inspect the files, one Spark job runs at once for CSV, one for
    JSON Lines, and a few for each Parquet schema or Delta table.

    Parameters
    ----------
    spark : SparkSession
    files : sequence of InputFile
        One or more files, as ``input_files.list_input`` returns them.
    sources : sequence of Source
        The source definitions.
    required_columns : sequence of str
        Features that every file must have a column for.
    options : TextOptions
        How to read text files.
    missing_rejects : bool
        Whether a row without a value in a required column is rejected.

    Raises
    ------
    InputError
        If a file cannot be read, has no header, is not in the encoding, lies in a Delta table, or lacks a required
        column or both title and track id.
    """
    rules = _ColumnRules(sources, required_columns, required_columns if missing_rejects else ())
    typed_reader.refuse_delta_parts(spark, _of_format(files, "parquet"))
    parts: list[tuple[DataFrame, list[ColumnLayout]]] = []
    if text_files := _of_format(files, "csv", "json", "zip", "xlsx"):
        parts.append(_read_text_files(spark, text_files, rules, options))
    for file_format in ("parquet", "delta"):
        if typed_files := _of_format(files, file_format):
            parts.extend(_read_typed_files(spark, typed_files, rules))
    layouts = [layout for _, part_layouts in parts for layout in part_layouts]
    _log_layouts(layouts)
    return InputRows(reduce(DataFrame.union, (rows for rows, _ in parts)), tuple(layouts), tuple(files))


def _of_format(files: Iterable[InputFile], *formats: str) -> list[InputFile]:
    return [file for file in files if file.format in formats]


def _log_layouts(layouts: Sequence[ColumnLayout]) -> None:
    for decision in dict.fromkeys(decision for layout in layouts for decision in layout.decisions):
        log.info("%s", decision)
    ignored = dict.fromkeys(name for layout in layouts for name in layout.ignored)
    if ignored:
        log.info("ignored columns: %s", ", ".join(ignored))


def _read_text_files(
    spark: SparkSession, files: list[InputFile], rules: _ColumnRules, options: TextOptions
) -> tuple[DataFrame, list[ColumnLayout]]:
    """Return a lazy DataFrame of the validated rows of text files, and a list of their distinct layouts.

    Runs one Spark job for each of the formats CSV and JSON, to inspect the files; for files that need conversion, one
    more for all of them, and one for each of the two formats.
    """
    known = known_headers(rules.sources)
    scans: dict[int, FileScan] = {}
    for file_format in ("csv", "json"):
        if format_files := _of_format(files, file_format):
            with readable_errors(_join_names(format_files)):
                lines = text_scan.text_lines(spark, format_files)
                scans |= text_scan.scan_files(lines, options.encoding, json=file_format == "json")
    to_convert = [file for file in files if conversion.needs_conversion(file, scans.get(file.id), known)]
    converted_ids = {file.id for file in to_convert}
    plain = [file for file in files if file.id not in converted_ids]
    converted: list[InputFile] = []
    if to_convert:
        with readable_errors(_join_names(to_convert)):
            converted, converted_scans = conversion.scan_converted(spark, to_convert, known, options.encoding)
        scans = {file.id: scans[file.id] for file in plain if file.id in scans} | converted_scans
    files = plain + converted
    _refuse_invalid(files, scans, options)
    groups: dict[tuple[str, Header], list[InputFile]] = {}
    for file in files:
        if file.id in scans:
            header = _detect_header(file, scans[file.id], rules.sources, options)
            groups.setdefault((file.format, header), []).append(file)
    plans: dict[int, text_reader.FilePlan] = {}
    layouts: list[ColumnLayout] = []
    for (_, header), group in groups.items():
        group_plans = _plan_group(header, group, scans, rules, options)
        plans |= group_plans
        layouts += dict.fromkeys(plan.layout for plan in group_plans.values())
    single_task = {
        file.id for file in files if file.id in plans and _is_single_task(file, plans[file.id], scans, options)
    }
    frames = [text_scan.text_lines(spark, plain)] if plain else []
    frames += [conversion.converted_lines(spark, converted, known)] if converted else []
    lines = reduce(DataFrame.union, frames)
    return text_reader.read_text(lines, plans, single_task, options.encoding, rules.non_null_columns), layouts


def _plan_group(
    header: Header, files: list[InputFile], scans: dict[int, FileScan], rules: _ColumnRules, options: TextOptions
) -> dict[int, text_reader.FilePlan]:
    """Return a dict from file id to FilePlan (how to read a file), for files of one format with equal headers.

    Files with equal layouts share one ColumnLayout, so that a worker builds one validator for them.
    """
    file_format = files[0].format
    dialect = header.dialect if file_format == "csv" else None
    group_sample = _sample_rows(file_format, header, [scans[file.id] for file in files], options)
    shared: dict[str, ColumnLayout] = {}
    plans: dict[int, text_reader.FilePlan] = {}
    for file in files:
        scan = scans[file.id]
        sample = _sample_rows(file_format, header, [scan], options) if len(files) > 1 else group_sample
        match = match_columns if dialect else match_members
        layout = match(header.names, sample, rules.sources, group_sample)
        plans[file.id] = text_reader.FilePlan(
            file.source_file,
            shared.setdefault(repr(layout), layout),
            header.names,
            dialect,
            header.n_skipped,
            has_invalid=scan.n_invalid > 0,
            by_line=options.multiline is not True and _spans_lines(scan, dialect),
        )
    for layout in shared.values():
        _refuse_lacking_columns(layout, header.names, rules.required_columns, files)
    return plans


def _read_typed_files(
    spark: SparkSession, files: list[InputFile], rules: _ColumnRules
) -> list[tuple[DataFrame, list[ColumnLayout]]]:
    """Return a list of (DataFrame of validated rows, list of layouts), one pair per group of files with equal schemas.

    The files are Parquet files or one Delta table.
    """
    groups = [files]
    if files[0].format == "parquet":
        with readable_errors(_join_names(files)):
            groups = typed_reader.group_by_schema(spark, files)
    parts = []
    for group in groups:
        with readable_errors(_join_names(group)):
            names, rows = typed_reader.read_columns(spark, group)
            writes = typed_reader.group_by_write(group)
            samples = typed_reader.collect_samples(rows, writes)
        group_sample = [row for sample in samples for row in sample]
        layouts: list[ColumnLayout] = []
        by_file: dict[str, ColumnLayout] = {}
        for write, sample in zip(writes, samples, strict=True):
            layout = match_members(names, sample, rules.sources, group_sample)
            _refuse_lacking_columns(layout, names, rules.required_columns, write)
            layouts.append(layout)
            by_file |= {file.source_file: layout for file in write}
        parts.append((typed_reader.read_typed(rows, by_file, rules.non_null_columns), layouts))
    return parts


def _refuse_invalid(files: list[InputFile], scans: dict[int, FileScan], options: TextOptions) -> None:
    """Raise InputError if all files are empty, or one holds NUL bytes or is not valid in the encoding."""
    if not scans:
        raise InputError(f"{_join_names(files)}: found an empty file, expected a header and rows")
    for file in files:
        scan = scans.get(file.id)
        if scan and scan.has_nul:
            raise InputError(f"{file.source_file} {_describe_nul(file, scan)}")
        if scan and scan.n_invalid and options.invalid_utf8 == "refuse":
            raise InputError(
                f"{file.source_file}: {scan.n_invalid} of {scan.n_lines} lines are not "
                f"{options.encoding.upper()}; name the file's encoding, such as --set ingest.encoding=cp1252, "
                "or reject those rows with --set ingest.invalid_utf8=reject"
            )


def _describe_nul(file: InputFile, scan: FileScan) -> str:
    """Return what a file with NUL bytes is and what to do."""
    start = b"\n".join(scan.head)
    return foreign_formats.describe_bytes(file.source_file, start) or (
        f"holds NUL bytes and begins with {start[:8]!r}, expected text (CSV or JSON lines); if it is a damaged CSV, "
        "remove them with: tr -d '\\000' < FILE > NEWFILE"
    )


def _detect_header(file: InputFile, scan: FileScan, sources: Sequence[Source], options: TextOptions) -> Header:
    if file.format == "json":
        if not scan.member_names:
            raise InputError(f"{file.source_file}: found no line with a JSON object, expected one object per track")
        if len(scan.member_names) > MemberNames.MAX_NAMES:
            raise InputError(
                f"{file.source_file}: its JSON objects have more than {MemberNames.MAX_NAMES} different member names, "
                "expected one object per track with the same names in each"
            )
        return Header(Dialect(DELIMITERS[0]), order_members(sorted(scan.member_names)), 0)
    lines = list(text_reader.decode_lines(scan.head, options.encoding, is_start=True))
    header = detect_header(lines, lambda names: len(match_headers(names, sources)[1]))
    if header is None:
        raise InputError(f"{file.source_file}: found no record, expected a header and rows")
    return header


def _sample_rows(file_format: str, header: Header, scans: list[FileScan], options: TextOptions) -> SampleValues:
    """Return the sampled rows of files with one header as lists of texts, in the order of the header's names.

    The header line and lines that are no complete row are left out.
    """
    merged = FileScan()
    for scan in scans:
        merged.add(scan)
    lines = list(text_reader.decode_lines([line for _, line in merged.sample], options.encoding, is_start=True))
    if file_format == "json":
        objects = [members for line in lines if (members := records.json_object(line))]
        return [[members.get(name) for name in header.names] for members in objects]
    rows = [fields for line in lines for fields, _ in records.csv_records([line], header.dialect)]
    return [
        row
        for row in rows
        if not isinstance(row, str)
        and not records.field_count_error(row, len(header.names))
        and tuple(name.strip() for name in row[: len(header.names)]) != header.names
    ]


def _refuse_lacking_columns(
    layout: ColumnLayout, names: Sequence[str], required_columns: Sequence[str], files: list[InputFile]
) -> None:
    """Raise InputError if files have no recognised column, or lack a required one, or both title and track id."""
    header = ", ".join(repr(name) for name in names)[:_MAX_HEADER_LENGTH]
    if not layout.columns:
        raise InputError(
            f"{_join_names(files)}: no column is recognised; found {header or 'none'}, expected a header line with "
            f"names such as title, artist, {', '.join(required_columns)}; define other names in conf/sources/"
        )
    lacking = [column for column in required_columns if column not in layout.columns]
    if lacking:
        rest = ",".join(column for column in required_columns if column not in lacking)
        exclude = f"exclude them with --set features.columns={rest}, or " if rest else ""
        raise InputError(
            f"{_join_names(files)}: no column for {' and '.join(lacking)}; found {header}; "
            f"{exclude}define their names in conf/sources/"
        )
    if not {"title", "track_id"} & layout.columns.keys():
        raise InputError(
            f"{_join_names(files)}: no column for title and none for track_id, expected one of them; found {header}"
        )


def _is_single_task(
    file: InputFile, plan: text_reader.FilePlan, scans: dict[int, FileScan], options: TextOptions
) -> bool:
    """Return whether one task reads all of a CSV file: its records span lines, or ``multiline`` is true."""
    if plan.dialect is None or options.multiline is False:
        return False
    spans_lines = _spans_lines(scans[file.id], plan.dialect)
    if options.multiline == "auto" and spans_lines and file.size > MAX_SINGLE_TASK_BYTES:
        log.warning(
            "%s: some lines end inside quotes, but a file of %d MB is read in blocks, so rows that span lines are "
            "rejected; --set ingest.multiline=true reads it in one task",
            file.source_file,
            file.size >> 20,
        )
        return False
    return spans_lines or options.multiline is True


def _spans_lines(scan: FileScan, dialect: Dialect | None) -> bool:
    """Return whether some line of a CSV file ends inside quotes; False for JSON lines."""
    return dialect is not None and scan.open_quotes[DELIMITERS.index(dialect.record_delimiter)]


def _join_names(files: list[InputFile]) -> str:
    names = ", ".join(file.source_file for file in files[:3])
    return names + (f" and {len(files) - 3} more" if len(files) > 3 else "")
