"""Read input files into validated rows: match the columns of every file to columns of ``tracks``, and read all rows."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from segue.core.text import printable
from segue.ingest import typed_reader
from segue.ingest.columns.column_matching import ColumnLayout
from segue.ingest.columns.column_rules import ColumnRules, Reading, ReadingChoices, join_names, refuse_guesses
from segue.ingest.columns.header_candidates import leaf_headers
from segue.ingest.columns.layout_memory import LayoutMemory
from segue.ingest.columns.sources import Source
from segue.ingest.input_files import InputFile, readable_errors
from segue.ingest.single_pass import read_in_single_pass
from segue.ingest.text_files import TextOptions, read_text_files

log = logging.getLogger(__name__)
_MAX_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class InputRows:
    """The rows of an input, and how its files are read.

    Attributes
    ----------
    frame : a lazy DataFrame of validated rows, with the schema ``validation.VALIDATED_ROWS``
    readings : how the files are read (columns, units, encoding), one Reading per group of files read alike; empty if
        ``verify`` is not None
    files : the files of the input
    verify : function that returns the final InputRows of files that are read in a single pass; None for other files.
        Call it once, after a Spark job has computed all rows of ``frame``. If these rows are right, the final
        InputRows have the same ``frame``; otherwise, their ``frame`` reads the files again. The function raises
        InputError as ``read_rows`` does.
    """

    frame: DataFrame
    readings: tuple[Reading, ...]
    files: tuple[InputFile, ...]
    verify: Callable[[], "InputRows"] | None = None


def read_rows(
    spark: SparkSession,
    files: Sequence[InputFile],
    sources: Sequence[Source],
    required_columns: Sequence[str],
    options: TextOptions,
    *,
    missing_rejects: bool,
    choices: ReadingChoices | None = None,
    memories: Mapping[str, LayoutMemory] | None = None,
    strict: bool = False,
    single_pass: bool = False,
) -> InputRows:
    """Return InputRows: a lazy DataFrame of all rows of the input, and how its files are read.

    Rows are validated when the DataFrame is computed. This function itself only runs Spark jobs that inspect the files:
    one for CSV, one for JSON lines, a few for all files that need conversion, a few for a Delta table, a few for each
    schema of Parquet files, and up to one for each write of Parquet files (``typed_reader.group_by_write``).

    Parameters
    ----------
    spark : SparkSession
    files : sequence of InputFile
        One or more files, as ``input_files.list_input`` returns them.
    sources : sequence of Source
        The format definitions (``conf/sources/*.toml``), which map headers to columns of ``tracks`` and units.
    required_columns : sequence of str
        Audio features that every file must have a column for.
    options : TextOptions
        Settings for text files, such as the encoding.
    missing_rejects : bool
        Whether a row without a value in a required column is rejected.
    choices : ReadingChoices or None
        The settings ``ingest.source``, ``ingest.decimal_sign`` and ``ingest.genre_separator``; None: all are "auto".
    memories : mapping of str to LayoutMemory, or None
        Decisions of earlier files (table ``layout_decisions``), by ``layout_memory.layout_key``.
    strict : bool
        Whether to raise InputError if anything about the files is guessed, such as a unit.
    single_pass : bool
        Whether large text files may be read without a first pass over all lines. If the files are suitable for this
        (``single_pass.read_in_single_pass``), no Spark job runs here, and the result must be verified later
        (``InputRows.verify``); guesses and errors are reported only then.

    Raises
    ------
    InputError
        If a file cannot be read, has no header, is not in the encoding, lacks a required column, lacks both title and
        track id, or has values that contradict its header or earlier files; if a Parquet file lies in a Delta table;
        or if ``strict`` is true and anything is guessed.
    """
    non_null = required_columns if missing_rejects else ()
    rules = ColumnRules(sources, required_columns, non_null, choices or ReadingChoices(), memories or {})
    if single_pass and (provisional := read_in_single_pass(spark, files, rules, options)):

        def verify() -> InputRows:
            verified = provisional.verify()
            return _input_rows([(verified.frame, verified.readings)], files, strict=strict)

        return InputRows(provisional.frame, (), tuple(files), verify)
    typed_reader.refuse_delta_parts(spark, _of_format(files, "parquet"))
    parts: list[tuple[DataFrame, list[Reading]]] = []
    if text_files := _of_format(files, "csv", "json", "zip", "xlsx"):
        text = read_text_files(spark, text_files, rules, options)
        parts.append((text.frame, text.readings))
    for file_format in ("parquet", "delta"):
        if typed_files := _of_format(files, file_format):
            parts.extend(_read_typed_files(spark, typed_files, rules))
    return _input_rows(parts, files, strict=strict)


def _input_rows(
    parts: Sequence[tuple[DataFrame, list[Reading]]], files: Sequence[InputFile], *, strict: bool
) -> InputRows:
    """Unite parts of an input, and log how its files are read. With ``strict``, raise InputError for any guess."""
    readings = [reading for _, part_readings in parts for reading in part_readings]
    if strict:
        refuse_guesses(readings)
    _log_layouts([reading.layout for reading in readings])
    return InputRows(reduce(DataFrame.union, (rows for rows, _ in parts)), tuple(readings), tuple(files))


def _of_format(files: Iterable[InputFile], *formats: str) -> list[InputFile]:
    return [file for file in files if file.format in formats]


def _log_layouts(layouts: Sequence[ColumnLayout]) -> None:
    """Log the earlier files, guesses, warnings and ignored columns in ColumnLayouts; each sentence once.

    An example: "columns and units are read as in a.csv, which has the same header". At most ``_MAX_WARNINGS`` warnings.
    """
    for origin in dict.fromkeys(each.source_file for layout in layouts for each in layout.remembered.values()):
        log.info("columns and units are read as in %s, which has the same header", printable(origin))
    for decision in dict.fromkeys(decision for layout in layouts for decision in layout.decisions):
        log.info("%s", decision)
    warnings = list(dict.fromkeys(warning for layout in layouts for warning in layout.warnings))
    for warning in warnings[:_MAX_WARNINGS]:
        log.warning("%s", warning)
    if len(warnings) > _MAX_WARNINGS:
        log.warning("and %d more warnings about columns of other files", len(warnings) - _MAX_WARNINGS)
    ignored = dict.fromkeys(name for layout in layouts for name in layout.ignored)
    if ignored:
        log.info("ignored columns: %s", ", ".join(ignored))


def _read_typed_files(
    spark: SparkSession, files: list[InputFile], rules: ColumnRules
) -> list[tuple[DataFrame, list[Reading]]]:
    """Read Parquet files or one Delta table; return a list with one pair per group of files of equal schema.

    A pair is a lazy DataFrame of validated rows, and a list of Reading, which describe how the files are read.
    """
    groups = [files]
    if files[0].format == "parquet":
        with readable_errors(join_names(files)):
            groups = typed_reader.group_by_schema(spark, files)
    parts = []
    for group in groups:
        with readable_errors(join_names(group)):
            names, rows = typed_reader.read_columns(spark, group)
            writes = typed_reader.group_by_write(group)
            samples = typed_reader.collect_samples(rows, writes)
        group_sample = [row for sample in samples for row in sample]
        key = rules.key(group[0].format, leaf_headers(names))
        readings: list[Reading] = []
        by_file: dict[str, ColumnLayout] = {}
        for write, sample in zip(writes, samples, strict=True):
            layout = rules.match(leaf_headers(names), sample, group_sample, key)
            rules.require(layout, names, write)
            readings.append(Reading(tuple(write), layout, sample))
            by_file |= {file.source_file: layout for file in write}
        parts.append((typed_reader.read_typed(rows, by_file, rules.non_null_columns), readings))
    return parts
