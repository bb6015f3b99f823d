"""Match the columns of files to canonical columns, and refuse files that lack a needed one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from segue.errors import InputError
from segue.ingest.columns.column_matching import ColumnLayout, match_columns
from segue.ingest.columns.genre_lists import with_genre_separator
from segue.ingest.columns.sources import Source
from segue.ingest.columns.units import SampleValues
from segue.ingest.input_files import InputFile

IDENTIFYING = frozenset({"title", "track_id"})
"""The columns of which a file must have one."""
_MAX_HEADER_LENGTH = 400
"""Maximum number of characters of a header that an error message quotes."""


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """Which columns files are read for.

    Attributes
    ----------
    sources : the source definitions
    required_columns : features that every file must have a column for
    non_null_columns : features in which every row must have a value
    """

    sources: Sequence[Source]
    required_columns: Sequence[str]
    non_null_columns: Sequence[str]

    def match(self, names: Sequence[str], sample: SampleValues, group_sample: SampleValues) -> ColumnLayout:
        """Return the column layout of a file, from its names and its sample, or the sample of all files of its group.

        An empty name is that of a column that is not matched.
        """
        layout = match_columns(names, sample, self.sources, group_sample, self.required_columns)
        return with_genre_separator(layout, sample, group_sample)

    def are_sufficient(self, columns: Collection[str]) -> bool:
        """Return whether canonical columns are all that a file must have."""
        return {*self.required_columns} <= {*columns} and bool(IDENTIFYING & {*columns})

    def require(self, layout: ColumnLayout, names: Sequence[str], files: Sequence[InputFile]) -> None:
        """Raise InputError if a column is refused, none is recognised, or a required one or title and id are missing.

        ``names`` are the names of all columns of ``files``, whose layout it is.
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
            raise InputError(f"{join_names(files)}: {'; '.join(layout.refusals.values())}{exclude}")
        if lacking:
            exclude = f"exclude them with --set features.columns={rest}, or " if rest else ""
            raise InputError(
                f"{join_names(files)}: no column for {' and '.join(lacking)}; found {header}; "
                f"{exclude}define their names in conf/sources/"
            )
        if not IDENTIFYING & layout.columns.keys():
            raise InputError(
                f"{join_names(files)}: no column for title and none for track_id, expected one of them; found {header}"
            )


@dataclass(frozen=True, slots=True)
class Reading:
    """How some files of an input are read.

    Attributes
    ----------
    files : the files, which have equal layouts
    layout : their column layout
    sample : sampled rows of the first of them, lists of texts in the order of its columns
    encoding : the encoding of text files, None for other files
    n_above : number of lines with text above the header
    """

    files: tuple[InputFile, ...]
    layout: ColumnLayout
    sample: SampleValues
    encoding: str | None = None
    n_above: int = 0


def join_names(files: Sequence[InputFile]) -> str:
    """Return the names of files for a message: the first three, and how many more there are."""
    names = ", ".join(file.source_file for file in files[:3])
    return names + (f" and {len(files) - 3} more" if len(files) > 3 else "")
