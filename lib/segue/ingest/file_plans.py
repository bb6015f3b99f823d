"""Define how workers read text files: a FilePlan per file, and a compact form of many FilePlans to send to tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from segue.ingest.columns.column_matching import ColumnLayout
from segue.ingest.columns.column_rules import Reading
from segue.ingest.formats.records import Dialect


@dataclass(frozen=True, slots=True)
class FilePlan:
    """How workers read one text file.

    Attributes
    ----------
    source_file : the file's name in the tables ``tracks`` and ``rejected_tracks``
    layout : how the columns are read: matched columns of ``tracks`` and units
    names : the column names of the file; for JSON lines the dotted names of the members
    dialect : the CSV dialect; None for JSON lines
    n_skipped : number of lines to skip: the header, the lines above it, and a line of pandas' index names below it
    encoding : the encoding of the file
    has_invalid : whether some lines may be invalid in ``encoding``
    by_line : whether each record must end with its line; lines with an open quote are then rejected. Ignored if one
        task reads the whole file.
    """

    source_file: str
    layout: ColumnLayout
    names: tuple[str, ...]
    dialect: Dialect | None
    n_skipped: int
    encoding: str
    has_invalid: bool
    by_line: bool = False

    def row_rules(self) -> dict[str, object]:
        """Return the parts of the plan on which the rows depend, as a dict; its keys are words for messages.

        Two plans for one file read the same rows if their dicts are equal. ``has_invalid`` is left out: if it is true
        although no line is invalid, the rows are the same. For JSON lines, members that are not read are left out.
        """
        layout, is_csv = self.layout, self.dialect is not None
        return {
            "columns": {name: column.index if is_csv else column.header for name, column in layout.columns.items()},
            "units": {name: column.unit for name, column in layout.columns.items()},
            "decimal sign": layout.decimal_comma,
            "separator of genres": layout.genre_separator,
            "header": (self.names, self.dialect, self.n_skipped) if is_csv else None,
            "encoding": self.encoding,
            "quoting": self.by_line,
        }


@dataclass(frozen=True, slots=True)
class TextRows:
    """The rows of text files, and how they are read.

    Attributes
    ----------
    frame : a lazy DataFrame of validated rows
    readings : how groups of files are read, for users
    plans : how workers read each file, by file id
    """

    frame: DataFrame
    readings: list[Reading]
    plans: dict[int, FilePlan]


class CompactPlans:
    """FilePlans by file id, compact to send to tasks: plans that differ only in ``source_file`` are stored once.

    If 100,000 files share a few plans, a task unpickles them in about a millisecond, a dict in half a second. The only
    operation is ``plans[file_id]``.
    """

    def __init__(self, plans: Mapping[int, FilePlan]) -> None:
        ids = sorted(plans)
        distinct: dict[FilePlan, int] = {}
        codes = [distinct.setdefault(replace(plans[each], source_file=""), len(distinct)) for each in ids]
        self._ids, self._codes = np.array(ids, dtype=np.int64), np.array(codes, dtype=np.int64)
        self._names = pa.array([plans[each].source_file for each in ids], pa.string())
        self._distinct = list(distinct)

    def __getitem__(self, file_id: int) -> FilePlan:
        """Return the FilePlan of a file, by its ``InputFile.id``. Does not check that there is a plan for this id.

        Plans that share a ColumnLayout object still share one after pickling: a worker then builds one validator.
        """
        index = int(np.searchsorted(self._ids, file_id))
        plan = self._distinct[int(self._codes[index])]
        return replace(plan, source_file=str(self._names[index]))
