"""Read input files into validated rows: scan the text files, match the columns of every file, and read all rows."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from segue.errors import InputError
from segue.ingest import text_reader, text_scan, typed_reader
from segue.ingest.column_matching import ColumnLayout, Source, match_columns, match_headers
from segue.ingest.encoding_detection import DESCRIPTIONS
from segue.ingest.header_detection import Header, detect_header
from segue.ingest.input_files import InputFile, readable_errors
from segue.ingest.records import DELIMITERS, Dialect
from segue.ingest.text_scan import AUTO, FileScan
from segue.ingest.units import SampleValues

log = logging.getLogger(__name__)
MAX_SINGLE_TASK_BYTES = 1 << 30
"""With ``multiline = "auto"``, files whose records span lines are read in one task up to this size."""
_IDENTIFYING = frozenset({"title", "track_id"})
"""The columns of which a file must have one."""
_MAX_HEADER_LENGTH = 400
"""Maximum number of characters of a header that an error message quotes."""


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How to read text files: the settings ``ingest.encoding``, ``ingest.invalid_utf8`` and ``ingest.multiline``."""

    encoding: str = AUTO
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
    if text_files := _of_format(files, "csv", "json"):
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
    """Return a lazy DataFrame of the validated rows of CSV and JSON Lines files, and a list of their distinct layouts.

    Runs one Spark job for each of the two formats, to inspect the files.
    """
    scans: dict[int, FileScan] = {}
    for file_format in ("csv", "json"):
        if format_files := _of_format(files, file_format):
            with readable_errors(_join_names(format_files)):
                lines = text_scan.text_lines(spark, format_files)
                scans |= text_scan.scan_files(lines, options.encoding, json=file_format == "json")
    _refuse_invalid(files, scans, options)
    files = [file for file in files if file.id in scans]
    headers = {file.id: _detect_header(file, scans[file.id], rules) for file in files}
    _log_text_decisions(files, scans, headers, options)
    groups: dict[tuple[str, Dialect, tuple[str, ...]], list[InputFile]] = {}
    for file in files:
        header = headers[file.id]
        groups.setdefault((file.format, header.dialect, header.names), []).append(file)
    plans: dict[int, text_reader.FilePlan] = {}
    layouts: list[ColumnLayout] = []
    for group in groups.values():
        group_plans = _plan_group(group, headers, scans, rules, options)
        plans |= group_plans
        layouts += dict.fromkeys(plan.layout for plan in group_plans.values())
    single_task = {file.id for file in files if _is_single_task(file, plans[file.id], scans, options)}
    lines = text_scan.text_lines(spark, files)
    return text_reader.read_text(lines, plans, single_task, rules.non_null_columns), layouts


def _log_text_decisions(
    files: list[InputFile], scans: dict[int, FileScan], headers: dict[int, Header], options: TextOptions
) -> None:
    """Log detected encodings and the lines skipped above headers: one line for all files with the same decision."""
    by_decision: dict[str, list[InputFile]] = {}
    for file in files:
        encoding, header = scans[file.id].encoding, headers[file.id]
        if options.encoding == AUTO and encoding in DESCRIPTIONS:
            decision = (
                f"not UTF-8, read as {encoding} ({DESCRIPTIONS[encoding]}); choose with --set ingest.encoding=NAME"
            )
            by_decision.setdefault(decision, []).append(file)
        if header.n_above:
            decision = f"the header is line {header.line}; lines skipped above it: {header.n_above}"
            by_decision.setdefault(decision, []).append(file)
    for decision, decided in by_decision.items():
        log.info("%s: %s", _join_names(decided), decision)


def _plan_group(
    files: list[InputFile],
    headers: dict[int, Header],
    scans: dict[int, FileScan],
    rules: _ColumnRules,
    options: TextOptions,
) -> dict[int, text_reader.FilePlan]:
    """Return a dict from file id to FilePlan (how to read a file), for files of one format with equal column names.

    Files with equal layouts share one ColumnLayout, so that a worker builds one validator for them.
    """
    names = headers[files[0].id].names
    dialect = headers[files[0].id].dialect if files[0].format == "csv" else None
    group_sample = _sample_rows(files, headers, scans)
    shared: dict[str, ColumnLayout] = {}
    plans: dict[int, text_reader.FilePlan] = {}
    for file in files:
        scan = scans[file.id]
        sample = _sample_rows([file], headers, scans) if len(files) > 1 else group_sample
        layout = match_columns(names, sample, rules.sources, group_sample)
        plans[file.id] = text_reader.FilePlan(
            file.source_file,
            shared.setdefault(repr(layout), layout),
            names,
            dialect,
            len(headers[file.id].lines),
            scan.encoding,
            # the scan counts no invalid lines of a detected encoding in batches of valid UTF-8
            has_invalid=scan.n_invalid > 0 or (options.encoding == AUTO and scan.encoding != "utf-8"),
            by_line=options.multiline is not True and _spans_lines(scan, dialect),
        )
    for layout in shared.values():
        _refuse_lacking_columns(layout, names, rules.required_columns, files)
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
            layout = match_columns(names, sample, rules.sources, group_sample)
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
            raise InputError(f"{file.source_file}: found NUL bytes, expected text (CSV or JSON lines)")
        if scan and scan.n_invalid and options.invalid_utf8 == "refuse":
            raise InputError(
                f"{file.source_file}: {scan.n_invalid} of {scan.n_lines} lines are not "
                f"{scan.encoding.upper()}; name the file's encoding, such as --set ingest.encoding=cp1252, "
                "or reject those rows with --set ingest.invalid_utf8=reject"
            )


def _detect_header(file: InputFile, scan: FileScan, rules: _ColumnRules) -> Header:
    if file.format == "json":
        if not scan.member_names:
            raise InputError(f"{file.source_file}: found no line with a JSON object, expected one object per line")
        return Header(Dialect(DELIMITERS[0]), tuple(sorted(scan.member_names)))
    lines = list(text_reader.decode_lines(scan.head, scan.encoding, is_start=True))
    header = detect_header(
        lines,
        lambda names: match_headers(names, rules.sources)[1],
        lambda columns: {*rules.required_columns} <= {*columns} and bool(_IDENTIFYING & {*columns}),
    )
    if header is None:
        raise InputError(f"{file.source_file}: found no record, expected a header and rows")
    return header


def _sample_rows(files: list[InputFile], headers: dict[int, Header], scans: dict[int, FileScan]) -> SampleValues:
    """Return the sampled rows of files with equal column names, without the lines up to their headers."""
    header = headers[files[0].id]
    dialect = header.dialect if files[0].format == "csv" else None
    skipped = {line for file in files for line in headers[file.id].lines}
    return text_reader.sample_rows([scans[file.id] for file in files], header.names, dialect, skipped)


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
    if not _IDENTIFYING & layout.columns.keys():
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
