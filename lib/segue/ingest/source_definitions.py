"""Load source definitions: a TOML file in ``conf/sources/`` per source, mapping headers to columns and units."""

import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

from segue import schema
from segue.errors import SettingsError

UNITS = {
    **{feature.name: ("fraction", "percent") for feature in schema.FEATURES if feature.unit == "fraction"},
    "popularity": ("percent", "fraction"),
    "duration_s": ("s", "ms", "min"),
}
"""The units that a file may use for a column, the unit of ``tracks`` first. Other columns have a single unit."""
COLUMNS = ("track_id", *schema.TEXTS, "year", *(number.name for number in schema.NUMBERS))
"""The canonical columns that a header can be mapped to."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source's name, and the canonical column and declared unit of every header, by normalised header.

    The unit is None where the definition leaves it to the values. Field names are part of the hash that
    ``ingested_files.reading`` stores: renaming one has every file read again.
    """

    name: str
    headers: dict[str, tuple[str, str | None]]


def normalise_header(header: str) -> str:
    """Return a header in NFKC and case-folded, reduced to letters, digits and ``%``.

    >>> normalise_header("Energy_%"), normalise_header("Beats Per Minute (BPM)")
    ('energy%', 'beatsperminutebpm')
    """
    folded = unicodedata.normalize("NFKC", header).casefold()
    return "".join(letter for letter in folded if letter.isalnum() or letter == "%")


def load_sources(folder: Traversable, *, name: str = "auto") -> list[Source]:
    """Return the sources defined in a folder, sorted by name.

    Parameters
    ----------
    folder : Traversable
        Holds one ``.toml`` file per source; other files are ignored.
    name : str
        The only source to return, or ``auto`` for all.

    Raises
    ------
    SettingsError
        If a definition is invalid or no source has the requested name; lists every fault of every file.
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


def _load_source(file: Traversable, faults: list[str]) -> Source:
    """Return the source that a file defines, and append what is wrong with the file to ``faults``."""
    path = f"conf/sources/{file.name}"
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"{path}: not TOML in UTF-8: {error}")
        return Source(file.name, {})
    name, headers = content.get("name"), content.get("headers")
    if not isinstance(name, str) or not isinstance(headers, dict):
        faults.append(f"{path}: expected a text `name` and a table `headers`")
        return Source(file.name, {})
    columns: dict[str, tuple[str, str | None]] = {}
    for header, value in headers.items():
        entry = value if isinstance(value, dict) else {"column": value}
        fault = _header_fault(header, entry)
        if fault:
            faults.append(f"{path}: {header!r} {fault}")
        else:
            columns[normalise_header(header)] = (entry["column"], entry.get("unit"))
    return Source(name, columns)


def _header_fault(header: str, entry: dict[str, Any]) -> str | None:
    """Return what is wrong with a header's entry, or None."""
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
