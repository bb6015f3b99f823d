"""Load the format definitions: the TOML files in ``conf/sources``, each loaded as a ``Source``.

A format definition describes a published file format, or the column names of one language. It maps headers, such as
``tempo``, to columns of the table ``tracks``, such as ``bpm``, and may declare their units.
"""

import difflib
import functools
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any

from segue import schema
from segue.errors import SettingsError
from segue.ingest.columns.units import UNITS

_MIN_SIMILARITY = 0.8
"""Minimum ``difflib`` ratio, from 0 to 1, of a misspelt header to a header in a format definition."""
COLUMNS = ("track_id", *schema.TEXTS, "year", *(number.name for number in schema.NUMBERS), *schema.DETAILS)
"""The columns of the table ``tracks`` to which headers can be mapped."""
_FLAGS = {"built_in": False, "exact": False, "read_again": True}
"""The optional boolean keys of a definition's TOML, with their defaults; ``Source`` explains them."""
_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"})


@dataclass(frozen=True, slots=True)
class Source:
    """A format definition: the headers of a published file format, or the column names of one language.

    Attributes
    ----------
    name : name by which the setting ``ingest.source`` selects the definition
    headers : dict from normalised header to (column of ``tracks``, declared unit); the unit is None if values decide it
    built_in : whether the definition is part of segue; if True, users' definitions precede it, and values overrule its
        units
    exact : whether only equal names match the headers; if False, misspellings match too
    read_again : whether a change of the definition makes all files be read again; if False, only new and changed files
    by_name : like ``headers``, but without accents in the names
    """

    name: str
    headers: dict[str, tuple[str, str | None]]
    built_in: bool = False
    exact: bool = False
    read_again: bool = True
    by_name: dict[str, tuple[str, str | None]] = field(init=False, repr=False)
    _similar: dict[str, str | None] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        folded = {fold_accents(header): entry for header, entry in self.headers.items()}
        object.__setattr__(self, "by_name", folded)

    def similar_name(self, name: str) -> str | None:
        """Return the header of this definition most similar to ``name``: "danceability" for "dancability".

        Returns None if no header is similar, or if ``exact`` is true. ``name`` is a normalised header without accents.
        Results are cached, as many files have the same headers.
        """
        if name not in self._similar:
            similar = [] if self.exact else difflib.get_close_matches(name, self.by_name, 1, _MIN_SIMILARITY)
            self._similar[name] = similar[0] if similar else None
        return self._similar[name]


@functools.lru_cache(maxsize=4096)
def normalise_header(header: str) -> str:
    """Normalise a header to NFKC, fold its case, and keep only letters, digits and ``%``.

    >>> normalise_header("Energy_%"), normalise_header("Beats Per Minute (BPM)")
    ('energy%', 'beatsperminutebpm')
    """
    folded = unicodedata.normalize("NFKC", header).casefold()
    return "".join(letter for letter in folded if letter.isalnum() or letter == "%")


def fold_accents(name: str) -> str:
    """Return a normalised header without accents.

    ``normalise_header`` keeps accents. If it removed them, the hash of ``reading_rules`` would change, and all files
    would be read again.

    >>> fold_accents("año"), fold_accents("głośność")
    ('ano', 'glosnosc')
    """
    if name.isascii():
        return name
    decomposed = unicodedata.normalize("NFKD", name.translate(_LETTERS_WITHOUT_DECOMPOSITION))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def load_sources(folder: Traversable, *, name: str = "auto") -> list[Source]:
    """Load the format definitions in a folder; return a list of Source, sorted by name.

    Parameters
    ----------
    folder : Traversable
        Holds one ``.toml`` file per definition; other files are ignored.
    name : str
        Name of the only definition to return, or ``auto`` for all.

    Raises
    ------
    SettingsError
        If a definition is invalid, or no definition has the requested name; lists every fault of every file.
    """
    faults: list[str] = []
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    sources = [_load_source(file, faults) for file in files]
    names = [source.name for source in sources]
    if name != "auto" and name not in names:
        faults.append(f"ingest.source is {name!r}, expected auto or one of {', '.join(sorted(names))}")
    if faults:
        raise SettingsError(faults)
    return sorted((s for s in sources if name in ("auto", s.name)), key=lambda source: source.name)


def reading_rules(sources: Sequence[Source], *, name: str) -> list[dict[str, Any]]:
    """Return format definitions as dicts with their names and headers. If they change, all files are read again.

    The hash of the result is stored in ``ingested_files.reading``. Definitions with ``read_again = false`` are left
    out, except for the definition called ``name`` (the setting ``ingest.source``).
    """
    # guard: added-names-keep-the-hash -> return [{"name": s.name, "headers": s.headers} for s in sources]
    return [{"name": s.name, "headers": s.headers} for s in sources if s.read_again or s.name == name]


def _load_source(file: Traversable, faults: list[str]) -> Source:
    """Load a format definition from a TOML file. Appends a message to ``faults`` for each fault of the file."""
    path = f"conf/sources/{file.name}"
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"{path}: not TOML in UTF-8: {error}")
        return Source(file.name, {})
    name, headers = content.get("name"), content.get("headers")
    flags = {key: content.get(key, default) for key, default in _FLAGS.items()}
    if not isinstance(name, str) or not isinstance(headers, dict):
        faults.append(f"{path}: expected a text `name` and a table `headers`")
        return Source(file.name, {})
    for key, flag in flags.items():
        if not isinstance(flag, bool):
            faults.append(f"{path}: {key} is {flag!r}, expected true or false")
    columns: dict[str, tuple[str, str | None]] = {}
    for header, value in headers.items():
        entry = value if isinstance(value, dict) else {"column": value}
        fault = _header_fault(header, entry)
        if fault:
            faults.append(f"{path}: {header!r} {fault}")
        else:
            columns[normalise_header(header)] = (entry["column"], entry.get("unit"))
    return Source(name, columns, **flags)


def _header_fault(header: str, entry: dict[str, Any]) -> str | None:
    """Describe what is wrong with the entry of a header in a format definition; None if it is valid.

    An example is "has the keys colum, units, expected only column and unit", to be used after the header in a message.
    """
    column, unit = entry.get("column"), entry.get("unit")
    if not normalise_header(header):
        return "has no letter or digit, expected a column name"
    if unknown := entry.keys() - {"column", "unit"}:
        return f"has the keys {_join(sorted(unknown))}, expected only column and unit"
    if column not in COLUMNS:
        return f"is {column!r}, expected one of {_join(COLUMNS)}"
    if unit is not None and unit not in UNITS.get(column, ()):
        expected = f"one of {_join(UNITS[column])}" if column in UNITS else "none"
        return f"has unit {unit!r}, expected {expected}"
    return None


def _join(names: Sequence[str]) -> str:
    return ", ".join(names)
