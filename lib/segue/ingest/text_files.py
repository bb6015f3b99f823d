"""Inspect text files (CSV, JSON, and files converted to these), and determine how workers read each file.

A scan of all lines collects samples and counts (FileScan). From these, the driver determines each file's encoding,
header and columns, and writes them into a FilePlan for the workers.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from segue.errors import InputError
from segue.ingest import text_reader
from segue.ingest.columns.column_matching import ColumnLayout
from segue.ingest.columns.column_rules import ColumnRules, Reading, join_names
from segue.ingest.columns.header_candidates import known_headers, leaf_headers, order_members
from segue.ingest.columns.layout_memory import ENCODING, Guess, LayoutMemory
from segue.ingest.columns.units import SampleValues
from segue.ingest.file_plans import FilePlan, TextRows
from segue.ingest.formats import conversion, foreign_formats, records, text_scan
from segue.ingest.formats.encoding_detection import CANDIDATES, DESCRIPTIONS
from segue.ingest.formats.header_detection import Header, detect_header
from segue.ingest.formats.records import DELIMITERS, Dialect, MemberNames
from segue.ingest.formats.text_scan import AUTO, SAMPLE_LINES, FileScan
from segue.ingest.input_files import InputFile, readable_errors

log = logging.getLogger(__name__)
_SAVE_SHEET = "saving the sheet as CSV"
MAX_SINGLE_TASK_BYTES = 1 << 30
"""Maximum size of a file that one task reads as a whole because its records span lines, with ``multiline = "auto"``."""


@dataclass(frozen=True, slots=True)
class TextOptions:
    """Settings for reading text files. Each means the same as the setting of this name in the section ``ingest``."""

    encoding: str = AUTO
    invalid_utf8: str = "refuse"
    multiline: bool | str = "auto"
    header_line: int | str = AUTO


def read_text_files(
    spark: SparkSession, files: Sequence[InputFile], rules: ColumnRules, options: TextOptions
) -> TextRows:
    """Scan text files in a first pass, and return their rows as TextRows, to be read in a second pass.

    Runs one Spark job for CSV and one for JSON, to inspect the files. Files that need conversion take up to five more
    jobs (``conversion.scan_converted``).

    Parameters
    ----------
    spark : SparkSession
    files : sequence of InputFile
        Files of the formats ``csv``, ``json``, ``zip`` and ``xlsx``.
    rules : ColumnRules
        What decides how columns are matched, and the columns that a file must have.
    options : TextOptions
        Settings for text files, such as the encoding.

    Raises
    ------
    InputError
        If a file cannot be read, has no header, has NUL bytes, is not in the encoding (unless ``invalid_utf8`` is
        "reject"), lacks a required column, lacks both title and track id, or has values that contradict its header or
        earlier files.
    """
    conversion.refuse_long_documents(spark, [file for file in files if file.format in ("csv", "json")])
    scans: dict[int, FileScan] = {}
    for file_format in ("csv", "json"):
        if format_files := [file for file in files if file.format == file_format]:
            with readable_errors(join_names(format_files)):
                lines = text_scan.text_lines(spark, format_files)
                scans |= text_scan.scan_files(lines, options.encoding, json=file_format == "json")
    return read_scanned_files(spark, files, scans, rules, options)


def read_scanned_files(
    spark: SparkSession,
    files: Sequence[InputFile],
    scans: dict[int, FileScan],
    rules: ColumnRules,
    options: TextOptions,
) -> TextRows:
    """Decide from scans how text files are read; return their rows as TextRows. Logs what is guessed.

    ``scans`` has the FileScan of each CSV and JSON file with lines, by file id. Runs Spark jobs only for files that
    need conversion. Parameters and errors are otherwise those of ``read_text_files``.
    """
    known = known_headers(rules.sources)
    plain: list[InputFile] = []
    to_convert: list[InputFile] = []
    for file in files:
        (to_convert if conversion.needs_conversion(file, scans.get(file.id), known) else plain).append(file)
    converted = conversion.ConvertedFiles()
    if to_convert:
        with readable_errors(join_names(to_convert)):
            converted, converted_scans = conversion.scan_converted(spark, to_convert, known, options.encoding)
        scans = {file.id: scans[file.id] for file in plain if file.id in scans} | converted_scans
    refuse_invalid([*plain, *converted.files], scans, options)
    with_lines = [file for file in (*plain, *converted.files) if file.id in scans]
    plans, readings = plan_files(with_lines, scans, rules, options, converted.notes)
    single_task = {file.id for file in with_lines if _is_single_task(file, plans[file.id], scans, options)}
    frames = [text_scan.text_lines(spark, plain)] if plain else []
    frames += [conversion.converted_lines(spark, converted, known)] if converted.files else []
    lines = reduce(DataFrame.union, frames)
    return TextRows(text_reader.read_text(lines, plans, single_task, rules.non_null_columns), readings, plans)


def plan_files(
    files: Sequence[InputFile],
    scans: dict[int, FileScan],
    rules: ColumnRules,
    options: TextOptions,
    notes: Mapping[int, str],
    *,
    silent: bool = False,
) -> tuple[dict[int, FilePlan], list[Reading]]:
    """Return a FilePlan for each file, by file id, and one Reading (a description for users) per group of files.

    Files read alike are one group. ``notes`` maps file ids to sentences about the conversion, such as "sheet 'Songs' is
    read; not read: Notes". With ``silent``, nothing is logged. If ``options.encoding`` is ``auto``, detected encodings
    in ``scans`` are replaced by those of earlier files with the same header, from ``rules.memories``
    (``_use_remembered_encoding``). Raises InputError as ``read_text_files`` does.
    """
    headers = {file.id: _detect_header(file, scans[file.id], rules, options) for file in files}
    if options.encoding == AUTO and rules.memories:
        for file in files:
            key = rules.key(file.format, _matched_names(file, headers[file.id]))
            if _use_remembered_encoding(file, scans[file.id], rules.memories.get(key, {}), silent=silent):
                headers[file.id] = _detect_header(file, scans[file.id], rules, options)
    file_guesses = {
        file.id: (
            *(Guess(note, _SAVE_SHEET) for note in [notes.get(file.id)] if note),
            *_guesses(scans[file.id], headers[file.id], options),
        )
        for file in files
    }
    if not silent:
        _log_guesses(files, file_guesses)
    groups: dict[tuple[str, Dialect, tuple[str, ...]], list[InputFile]] = {}
    for file in files:
        header = headers[file.id]
        groups.setdefault((file.format, header.dialect, header.names), []).append(file)
    plans: dict[int, FilePlan] = {}
    readings: list[Reading] = []
    for group in groups.values():
        group_plans = _plan_group(group, headers, scans, rules, options)
        plans |= group_plans
        alike: dict[tuple[ColumnLayout, str, int, tuple[Guess, ...]], list[InputFile]] = {}
        for file in group:
            plan = group_plans[file.id]
            same = (plan.layout, plan.encoding, headers[file.id].n_above, file_guesses[file.id])
            alike.setdefault(same, []).append(file)
        for (layout, encoding, n_above, guesses), members in alike.items():
            sample = _sample_rows(members[:1], headers, scans)
            readings.append(Reading(tuple(members), layout, sample, encoding, n_above, guesses))
    return plans, readings


def _matched_names(file: InputFile, header: Header) -> Sequence[str]:
    """Return the names in a header to match to columns.

    Of JSON, a name of an object with members, such as ``album`` of ``album.name``, is replaced by "".
    """
    return header.names if file.format == "csv" else leaf_headers(header.names)


def _use_remembered_encoding(file: InputFile, scan: FileScan, memory: LayoutMemory, *, silent: bool = False) -> bool:
    """Replace the encoding in ``scan`` by that of earlier files with the same header; return whether it was replaced.

    ``memory`` has the decisions of earlier files, from the table ``layout_decisions``. Replaces nothing if ``memory``
    has no encoding, if either encoding is UTF-8, or if both are equal. If lines are invalid in the earlier encoding,
    logs a warning instead, unless ``silent``.
    """
    remembered = memory.get(ENCODING)
    if remembered is None or scan.encoding not in DESCRIPTIONS or remembered.value in (scan.encoding, "utf-8"):
        return False
    n_invalid = scan.n_invalid_by[CANDIDATES.index(remembered.value)]
    if n_invalid and not silent:
        log.warning(
            "%s: read as %s, and not as %s like %s, in which %d of its lines are not valid",
            *(file.source_file, scan.encoding, remembered.value, remembered.source_file, n_invalid),
        )
    if n_invalid:
        return False
    scan.encoding, scan.n_invalid = remembered.value, 0
    return True


def _guesses(scan: FileScan, header: Header, options: TextOptions) -> Iterator[Guess]:
    """Yield a Guess for a detected encoding, and for a header that is not the first record of the file."""
    if options.encoding == AUTO and scan.encoding in DESCRIPTIONS:
        yield Guess(
            f"not UTF-8, read as {scan.encoding} ({DESCRIPTIONS[scan.encoding]}); choose with "
            "--set ingest.encoding=NAME",
            f"--set ingest.encoding={scan.encoding}",
        )
    if header.n_above and options.header_line == AUTO:
        yield Guess(
            f"the header is line {header.line}; lines skipped above it: {header.n_above}",
            f"--set ingest.header_line={header.line}",
        )


def _log_guesses(files: Sequence[InputFile], guesses: Mapping[int, tuple[Guess, ...]]) -> None:
    """Log the guesses about files; files with the same guess share one line."""
    by_guess: dict[Guess, list[InputFile]] = {}
    for file in files:
        for guess in guesses[file.id]:
            by_guess.setdefault(guess, []).append(file)
    for guess, members in by_guess.items():
        log.info("%s: %s", join_names(members), guess.sentence)


def _plan_group(
    files: Sequence[InputFile],
    headers: dict[int, Header],
    scans: dict[int, FileScan],
    rules: ColumnRules,
    options: TextOptions,
) -> dict[int, FilePlan]:
    """Return a dict from file id to FilePlan (how to read a file), for files of one format with equal column names.

    Equal ColumnLayouts are one object, for which a worker builds a single validator.
    """
    names = headers[files[0].id].names
    dialect = headers[files[0].id].dialect if files[0].format == "csv" else None
    matched_names = _matched_names(files[0], headers[files[0].id])
    key = rules.key(files[0].format, matched_names)
    group_sample = _sample_rows(files, headers, scans)
    shared: dict[str, ColumnLayout] = {}
    plans: dict[int, FilePlan] = {}
    for file in files:
        scan = scans[file.id]
        sample = _sample_rows([file], headers, scans) if len(files) > 1 else group_sample
        layout = rules.match(matched_names, sample, group_sample, key)
        if options.encoding == AUTO and scan.encoding in DESCRIPTIONS and ENCODING not in layout.remembered:
            layout = replace(layout, decided={**layout.decided, ENCODING: scan.encoding})
        plans[file.id] = FilePlan(
            file.source_file,
            shared.setdefault(repr(layout), layout),
            names,
            dialect,
            len(headers[file.id].lines),
            scan.encoding,
            # with a detected encoding, n_invalid is too low: batches of valid UTF-8 are not counted
            has_invalid=scan.n_invalid > 0 or (options.encoding == AUTO and scan.encoding != "utf-8"),
            by_line=options.multiline is not True and scan.spans_lines(dialect),
        )
    for layout in shared.values():
        rules.require(layout, names, files)
    return plans


def refuse_invalid(files: Sequence[InputFile], scans: dict[int, FileScan], options: TextOptions) -> None:
    """Raise InputError if all files are empty, or if any file holds NUL bytes.

    Raises InputError also if a file has lines invalid in its encoding, and the setting ``invalid_utf8`` is ``refuse``.
    """
    if not scans:
        raise InputError(f"{join_names(files)}: found an empty file, expected a header and rows")
    for file in files:
        scan = scans.get(file.id)
        if scan and scan.has_nul:
            raise InputError(f"{file.source_file} {_describe_nul(file, scan)}")
        if scan and scan.n_invalid and options.invalid_utf8 == "refuse":
            raise InputError(
                f"{file.source_file}: {scan.n_invalid} of {scan.n_lines} lines are not "
                f"{scan.encoding.upper()}; name the file's encoding, such as --set ingest.encoding=cp1252, "
                "or reject those rows with --set ingest.invalid_utf8=reject"
            )


def _describe_nul(file: InputFile, scan: FileScan) -> str:
    """Return a clause for the error about NUL bytes: what the file is, by its first bytes, and what to do with it.

    An example: "is an Avro file, expected CSV, …; convert it to Parquet or JSON lines".
    """
    start = b"\n".join(scan.head)
    return foreign_formats.describe_bytes(file.source_file, start) or (
        f"holds NUL bytes and begins with {start[:8]!r}, expected text (CSV or JSON lines); if it is a damaged CSV, "
        "remove them with: tr -d '\\000' < FILE > NEWFILE"
    )


def _detect_header(file: InputFile, scan: FileScan, rules: ColumnRules, options: TextOptions) -> Header:
    if file.format == "json":
        if not scan.member_names:
            raise InputError(f"{file.source_file}: found no line with a JSON object, expected one object per track")
        if len(scan.member_names) > MemberNames.MAX_NAMES:
            raise InputError(
                f"{file.source_file}: its JSON objects have more than {MemberNames.MAX_NAMES} different member names, "
                "expected one object per track with the same names in each"
            )
        return Header(Dialect(DELIMITERS[0]), order_members(sorted(scan.member_names)))
    lines = list(records.decode_lines(scan.head, scan.encoding, is_start=True))
    line = options.header_line if isinstance(options.header_line, int) else None
    header = detect_header(lines, rules.matched_names, rules.are_sufficient, line=line)
    if header is None:
        where = f" that ends in line {line}" if line else ""
        raise InputError(f"{file.source_file}: found no record{where}, expected a header and rows")
    return header


def _sample_rows(files: Sequence[InputFile], headers: dict[int, Header], scans: dict[int, FileScan]) -> SampleValues:
    """Return the sampled rows of files with equal column names, as lists of texts in the order of these names.

    Lines up to the header, repetitions of the header, and lines that are no complete row, are left out.
    """
    header = headers[files[0].id]
    names, skipped = header.names, {line for file in files for line in headers[file.id].lines}
    sample: list[tuple[int, bytes, str]] = []
    for scan in (scans[file.id] for file in files):
        sample = sorted({*sample, *((*line, scan.encoding) for line in scan.sample)})[:SAMPLE_LINES]
    lines = [t for _, line, encoding in sample for t in records.decode_lines([line], encoding, is_start=True)]
    if files[0].format == "json":
        objects = [members for line in lines if (members := records.json_object(line))]
        return [[members.get(name) for name in names] for members in objects]
    rows = [row for line in lines if line not in skipped for row, _ in records.csv_records([line], header.dialect)]
    return [
        row
        for row in rows
        if not isinstance(row, str)
        and not records.field_count_error(row, len(names))
        and tuple(name.strip() for name in row[: len(names)]) != names
    ]


def _is_single_task(file: InputFile, plan: FilePlan, scans: dict[int, FileScan], options: TextOptions) -> bool:
    """Return whether one task must read a whole CSV file, instead of one task per block. False for JSON lines.

    If the setting ``multiline`` is true or false, the result is this value. If it is ``auto``, the result is True if a
    line ends inside quotes, which means that records span lines, and the file has at most ``MAX_SINGLE_TASK_BYTES``.
    For a larger file with such a line, logs a warning.
    """
    if plan.dialect is None or options.multiline is False:
        return False
    spans_lines = scans[file.id].spans_lines(plan.dialect)
    if options.multiline == "auto" and spans_lines and file.size > MAX_SINGLE_TASK_BYTES:
        log.warning(
            "%s: some lines end inside quotes, but a file of %d MB is read in blocks, so rows that span lines are "
            "rejected; --set ingest.multiline=true reads it in one task",
            file.source_file,
            file.size >> 20,
        )
        return False
    return spans_lines or options.multiline is True
