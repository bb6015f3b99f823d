"""Match the columns of files to columns of the table ``tracks``, and refuse files without the required columns.

Headers are compared with format definitions: TOML files in ``conf/sources`` that map headers to columns of ``tracks``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from segue.core.text import enumerate_words
from segue.errors import InputError
from segue.ingest.columns.column_matching import ColumnLayout, match_columns, match_headers
from segue.ingest.columns.genre_lists import with_genre_separator
from segue.ingest.columns.layout_memory import DECIMAL_SIGN, GENRE_SEPARATOR, Guess, LayoutMemory, layout_key
from segue.ingest.columns.sources import Source
from segue.ingest.columns.units import SampleValues
from segue.ingest.input_files import InputFile

IDENTIFYING = frozenset({"title", "track_id"})
"""A file must have at least one of these columns."""
_MAX_HEADER_LENGTH = 400
"""Maximum number of characters of a header that an error message quotes."""


@dataclass(frozen=True, slots=True)
class ReadingChoices:
    """The settings ``ingest.source``, ``ingest.decimal_sign`` and ``ingest.genre_separator``.

    ``source`` names a format definition, ``decimal_sign`` is ``point`` or ``comma``, and ``genre_separator`` is a
    separator or ``none``. Each can also be ``auto``: then the headers and values of the file decide, or earlier
    decisions for files with the same header.
    """

    source: str = "auto"
    decimal_sign: str = "auto"
    genre_separator: str = "auto"


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """Matches columns by format definitions, settings and earlier decisions, and checks for required columns.

    Attributes
    ----------
    sources : the format definitions (``conf/sources/*.toml``)
    required_columns : audio features that every file must have a column for
    non_null_columns : audio features without which a row is rejected
    choices : settings that override what the values of a file suggest; ``choices.source`` only enters ``key``, because
        ``sources`` has been selected by it already
    memories : decisions of earlier files, from the table ``layout_decisions``: a dict by ``layout_memory.layout_key``,
        the hash of a format and header
    """

    sources: Sequence[Source]
    required_columns: Sequence[str]
    non_null_columns: Sequence[str]
    choices: ReadingChoices = field(default_factory=ReadingChoices)
    memories: Mapping[str, LayoutMemory] = field(default_factory=dict)
    _by_names: dict[tuple[str, ...], Collection[str]] = field(default_factory=dict, repr=False, compare=False)

    def matched_names(self, names: tuple[str, ...]) -> Collection[str]:
        """Return the columns of ``tracks`` for the headers ``names``. Cached, because many files have equal headers."""
        if names not in self._by_names:
            self._by_names[names] = match_headers(names, self.sources)[1].keys()
        return self._by_names[names]

    def match(
        self, names: Sequence[str], sample: SampleValues, group_sample: SampleValues, key: str = ""
    ) -> ColumnLayout:
        """Return how the columns of a file are read, as a ColumnLayout: matched columns, units, genre separator.

        Parameters
        ----------
        names : sequence of str
            The column names; an empty name is matched to no column.
        sample : sequence of rows, shape (n_rows, n_columns)
            Rows of the file as text.
        group_sample : sequence of rows, shape (n_rows, n_columns)
            Rows of all files with these names. They decide units and separators if ``sample`` has too few values.
        key : str
            Hash from the method ``key``; the decisions of earlier files are looked up under it in ``memories``. If
            empty, no earlier decision is used.
        """
        memory = self.memories.get(key, {})
        sign = self.choices.decimal_sign
        comma = None if sign == "auto" else sign == "comma"
        layout = match_columns(
            names, sample, self.sources, group_sample, self.required_columns, memory, decimal_comma=comma
        )
        layout = with_genre_separator(layout, sample, group_sample, self.choices.genre_separator)
        given = {DECIMAL_SIGN: sign, GENRE_SEPARATOR: self.choices.genre_separator}
        held = {name: each for name, each in layout.remembered.items() if given.get(name, "auto") == "auto"}
        return replace(layout, key=key, remembered=held)

    def key(self, file_format: str, names: Sequence[str]) -> str:
        """Hash a file format, ``ingest.source`` and column names, for the column ``layout`` of ``layout_decisions``."""
        return layout_key(file_format, self.choices.source, names)

    def are_sufficient(self, columns: Collection[str]) -> bool:
        """Return whether ``columns`` include all required columns, and ``title`` or ``track_id``."""
        return {*self.required_columns} <= {*columns} and bool(IDENTIFYING & {*columns})

    def require(self, layout: ColumnLayout, names: Sequence[str], files: Sequence[InputFile]) -> None:
        """Raise InputError if ``files`` cannot be read by ``layout``, their common ColumnLayout.

        There are four causes: no column is recognised; ``layout.refusals`` is not empty; a required column is missing;
        both title and track id are missing. ``names`` are all column names of the files, for the message.
        """
        header = ", ".join(repr(name) for name in names)[:_MAX_HEADER_LENGTH]
        if not layout.columns:
            raise InputError(
                f"{join_names(files)}: no column is recognised; found {header or 'none'}, expected a header line with "
                f"names such as title, artist, {', '.join(self.required_columns)}; define other names in conf/sources/"
            )
        lacking = [column for column in self.required_columns if column not in layout.columns]
        rest = ",".join(column for column in self.required_columns if column not in lacking)
        if layout.refusals:
            exclude = f"; or exclude it with --set features.columns={rest}" if lacking and rest else ""
            raise InputError(f"{join_names(files)}: {'; '.join(dict.fromkeys(layout.refusals.values()))}{exclude}")
        if lacking:
            exclude = f"exclude them with --set features.columns={rest}, or " if rest else ""
            names_lacking = [name for name in ("title", "artist", "genre") if name not in layout.columns]
            also = f", nor for {enumerate_words(names_lacking)}" if names_lacking else ""
            raise InputError(
                f"{join_names(files)}: no column for {enumerate_words(lacking)}{also}; found {header}; "
                f"{exclude}define their names in conf/sources/"
            )
        if not IDENTIFYING & layout.columns.keys():
            raise InputError(
                f"{join_names(files)}: no column for title and none for track_id, expected one of them; found {header}"
            )


@dataclass(frozen=True, slots=True)
class Reading:
    """A group of input files that are read in the same way, with their columns, encoding and header.

    Attributes
    ----------
    files : the files of the group
    layout : their common ColumnLayout: matched columns and units
    sample : sampled rows as lists of texts, in the order of the columns; of text files, only rows of the first file
    encoding : the encoding of text files; None for other files
    n_above : number of records above the header of a CSV file, such as a title or comments; blank lines and a ``sep=``
        line do not count
    guesses : what was guessed about the files apart from their columns, such as the encoding
    """

    files: tuple[InputFile, ...]
    layout: ColumnLayout
    sample: SampleValues
    encoding: str | None = None
    n_above: int = 0
    guesses: tuple[Guess, ...] = ()


def refuse_guesses(readings: Sequence[Reading]) -> None:
    """Raise InputError if ``readings`` contain guesses, such as a unit inferred from the values.

    The message lists every guess with its files, and the setting or change that makes the guess unnecessary.
    """
    by_guess: dict[Guess, list[InputFile]] = {}
    for reading in readings:
        for guess in (*reading.guesses, *reading.layout.guesses):
            by_guess.setdefault(guess, []).extend(reading.files)
    if by_guess:
        listed = "; ".join(
            f"({number}) {join_names(files)}: {guess.sentence} [settled by: {guess.way_out}]"
            for number, (guess, files) in enumerate(by_guess.items(), 1)
        )
        raise InputError(f"ingest.strict is true, and {len(by_guess)} things were guessed: {listed}")


def join_names(files: Sequence[InputFile]) -> str:
    """Return the names of files for a message: "a.csv, b.csv, c.csv and 2 more"."""
    names = ", ".join(file.source_file for file in files[:3])
    return names + (f" and {len(files) - 3} more" if len(files) > 3 else "")
