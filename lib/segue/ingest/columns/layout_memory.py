"""Name the decisions that values of files have made for a layout, so that later files with its header are read alike.

A layout is a file format with a header. A decision is a pair of texts, a name and a value. It is remembered only if the
values are conclusive: for a column with only 0 and 1, no unit is remembered, and a later file decides it.

=====================  =====================================================================
decision               value
=====================  =====================================================================
``valence.column``     the header that is this column; ``tempo#2``: the second one called so
``key.ignored``        a header that is not this column, as its values rule that out
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
"""The option with which files are read by their own values; later files are then read as these."""
OWN_SOURCE = "--set ingest.source=NAME, a source of your own that names the columns to read (docs/how_to/own_file.md)"
UNIT_IN_SOURCE = "a source of your own that declares the unit (docs/how_to/own_file.md)"


@dataclass(frozen=True, slots=True)
class Remembered:
    """A decision about a layout: its value, and the name of the file whose values decided it."""

    value: str
    source_file: str


LayoutMemory = Mapping[str, Remembered]
"""The remembered decisions of one layout, by name of the decision."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A sentence about what the values of a file decided; ``way_out`` is the setting that decides it instead."""

    sentence: str
    way_out: str


def layout_key(file_format: str, source: str, names: Sequence[str]) -> str:
    """Return 32 hexadecimal digits that identify a layout: a format, the setting ``ingest.source``, and a header.

    The order of the columns does not matter where all names differ.

    >>> layout_key("csv", "auto", ["Title", "BPM"]) == layout_key("csv", "auto", ["bpm", "title"])
    True
    """
    labels = column_labels(names)
    has_namesakes = any("#" in label for label in labels)
    return json_digest([file_format, source, labels if has_namesakes else sorted(labels)], 32)


def column_labels(names: Sequence[str]) -> list[str]:
    """Return the normalised names of columns; ``#2`` follows the second of equal names, ``#3`` the third, and so on.

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
    """Unite the decisions of files with one layout into one dict, without those for which files have different values.

    >>> combine_decisions([{"energy.unit": "percent"}, {"energy.unit": "percent", "decimal_sign": "point"}])
    {'energy.unit': 'percent', 'decimal_sign': 'point'}
    """
    values: dict[str, set[str]] = {}
    for decisions in records:
        for name, value in decisions.items():
            values.setdefault(name, set()).add(value)
    return {name: next(iter(each)) for name, each in values.items() if len(each) == 1}
