"""Define the decisions in the table ``layout_decisions``: how files with a certain header are read, such as a unit.

The values of one file decide, and later files of the same layout (file format and header) are read alike. A decision is
a pair of texts, a name and a value. It is stored only if the values are conclusive: for a column with only 0 and 1, no
unit is stored, and a later file decides.

=====================  =====================================================================
decision               value
=====================  =====================================================================
``valence.column``     the header read as ``valence``; ``tempo#2``: the second one called ``tempo``
``key.ignored``        a header not read as ``key`` (musical key), as its values rule that out
``valence.unit``       the unit
``decimal_sign``       ``comma`` or ``point``
``genre_separator``    the separator, or ``none``: every text is one genre
``encoding``           the detected encoding
=====================  =====================================================================
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segue.core.text import json_digest
from segue.ingest.columns.sources import fold_accents, normalise_header

COLUMN, IGNORED, UNIT = ".column", ".ignored", ".unit"
DECIMAL_SIGN, GENRE_SEPARATOR, ENCODING = "decimal_sign", "genre_separator", "encoding"
NO_SEPARATOR = "none"
DECIDE_AGAIN = "--set ingest.layouts=decide"
"""The option by which files are read by their own values alone; the new decisions then hold for later files."""
OWN_SOURCE = "--set ingest.source=NAME, a source of your own that names the columns to read (docs/how_to/own_file.md)"
UNIT_IN_SOURCE = "a source of your own that declares the unit (docs/how_to/own_file.md)"


@dataclass(frozen=True, slots=True)
class Remembered:
    """A decision from ``layout_decisions``: its value, such as ``percent``, and the name of the file that made it."""

    value: str
    source_file: str


LayoutMemory = Mapping[str, Remembered]
"""The decisions in ``layout_decisions`` about files of one format and header, by name, such as ``valence.unit``."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A sentence about what was decided by guessing, and ``way_out``: the setting or change that decides it instead."""

    sentence: str
    way_out: str


def layout_key(file_format: str, source: str, names: Sequence[str]) -> str:
    """Return a hash (32 hexadecimal digits) of a file format, the setting ``ingest.source`` and column names.

    If all names differ, their order does not change the hash. Column ``layout`` of ``layout_decisions`` holds it.

    >>> layout_key("csv", "auto", ["Title", "BPM"]) == layout_key("csv", "auto", ["bpm", "title"])
    True
    """
    labels = column_labels(names)
    has_namesakes = any("#" in label for label in labels)
    return json_digest([file_format, source, labels if has_namesakes else sorted(labels)], 32)


def column_labels(names: Sequence[str]) -> list[str]:
    """Return the normalised names of columns, with ``#2`` appended to the second of equal names, ``#3`` to the third.

    >>> column_labels(["Title", "tempo", "Tempo", ""])
    ['title', 'tempo', 'tempo#2', '']
    """
    counts: Counter[str] = Counter()
    labels = []
    for name in names:
        label = fold_accents(normalise_header(name))
        counts[label] += 1
        labels.append(f"{label}#{counts[label]}" if label and counts[label] > 1 else label)
    return labels


def combine_decisions(records: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Unite the decisions of files with equal format and header. Decisions on which the files differ are left out.

    >>> combine_decisions([{"energy.unit": "percent"}, {"energy.unit": "percent", "decimal_sign": "point"}])
    {'energy.unit': 'percent', 'decimal_sign': 'point'}
    """
    values: dict[str, set[str]] = {}
    for decisions in records:
        for name, value in decisions.items():
            values.setdefault(name, set()).add(value)
    return {name: next(iter(each)) for name, each in values.items() if len(each) == 1}
