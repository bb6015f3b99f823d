"""Define the decisions in the table ``layout_decisions``: how files with a certain header are read.

The values of one file decide, for example, that its valence is in percent. Later files with the same format and header
are then read in the same way. A decision is a pair of texts, a name and a value. It is stored only if the values are
conclusive: a column with only 0 and 1 decides no unit.

=====================  =====================================================================
decision               value
=====================  =====================================================================
``valence.column``     the header read as ``valence``; ``tempo#2``: the second one called ``tempo``
``key.ignored``        a header not read as ``key`` (musical key), because its values are no keys
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
"""Command-line option to read files by their own values instead of earlier decisions. The new decisions are stored."""
OWN_SOURCE = "--set ingest.source=NAME, a source of your own that names the columns to read (docs/how_to/own_file.md)"
UNIT_IN_SOURCE = "a source of your own that declares the unit (docs/how_to/own_file.md)"


@dataclass(frozen=True, slots=True)
class Remembered:
    """A decision from ``layout_decisions``: its value, such as ``percent``, and the name of the file that made it."""

    value: str
    source_file: str


LayoutMemory = Mapping[str, Remembered]
"""The decisions about files of one format and header, by name: ``{"valence.unit": Remembered("percent", "a.csv")}``."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A guessed decision: ``sentence`` describes it, ``way_out`` is the setting or change that makes it unnecessary.

    An example of a sentence is "column 'Danceabilty' read as danceability".
    """

    sentence: str
    way_out: str


def layout_key(file_format: str, source: str, names: Sequence[str]) -> str:
    """Hash a file format, the setting ``ingest.source`` and column names; return 32 hexadecimal digits.

    The column ``layout`` of ``layout_decisions`` holds this hash. The order of the names does not matter if all differ.

    >>> layout_key("csv", "auto", ["Title", "BPM"]) == layout_key("csv", "auto", ["bpm", "title"])
    True
    """
    labels = column_labels(names)
    has_namesakes = any("#" in label for label in labels)
    return json_digest([file_format, source, labels if has_namesakes else sorted(labels)], 32)


def column_labels(names: Sequence[str]) -> list[str]:
    """Return normalised column names. The second of equal names gets the ending ``#2``, the third ``#3``.

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

    >>> combine_decisions([{"energy.unit": "percent", "decimal_sign": "point"}, {"energy.unit": "tenths"}])
    {'decimal_sign': 'point'}
    """
    values: dict[str, set[str]] = {}
    for decisions in records:
        for name, value in decisions.items():
            values.setdefault(name, set()).add(value)
    return {name: next(iter(each)) for name, each in values.items() if len(each) == 1}
