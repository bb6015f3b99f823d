"""What a source calls its columns: one TOML file in ``conf/sources/`` each."""

import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable

from segue import schema
from segue.errors import SettingsError

UNITS = {
    **{feature.name: ("fraction", "percent") for feature in schema.FEATURES if feature.unit == "fraction"},
    "popularity": ("percent", "fraction"),
    "duration_s": ("s", "ms", "min"),
}
"""The units in which a column may come, the first of them its own. Other columns have no choice."""
COLUMNS = ("track_id", *schema.TEXTS, "year", *(number.name for number in schema.NUMBERS))
"""The canonical columns that a header can stand for."""


@dataclass(frozen=True, slots=True)
class Source:
    """A name, and for every known header (in plain form) the column it stands for and its declared unit."""

    name: str
    headers: dict[str, tuple[str, str | None]]


def normalise_header(header: str) -> str:
    """Return a header without case, spacing and punctuation, so that spellings compare."""
    folded = unicodedata.normalize("NFKC", header).casefold()
    return "".join(letter for letter in folded if letter.isalnum() or letter == "%")


def load_sources(folder: Traversable, *, chosen: str = "auto") -> list[Source]:
    """Return the sources defined in ``folder`` by name, or only the one ``chosen``.

    Raises
    ------
    SettingsError
        Naming every fault of every file, or saying which sources there are if ``chosen`` is none of them.
    """
    faults: list[str] = []
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    sources = [_source(file, faults) for file in files]
    names = [source.name for source in sources]
    if chosen != "auto" and chosen not in names:
        faults.append(f"ingest.source is {chosen!r}, wanted auto or one of {', '.join(sorted(names))}")
    if faults:
        raise SettingsError(faults)
    return sorted((s for s in sources if chosen in ("auto", s.name)), key=lambda source: source.name)


def _source(file: Traversable, faults: list[str]) -> Source:
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"conf/sources/{file.name}: not TOML in UTF-8: {error}")
        return Source(file.name, {})
    name, headers = content.get("name"), content.get("headers")
    if not isinstance(name, str) or not isinstance(headers, dict):
        faults.append(f"conf/sources/{file.name}: wanted a text `name` and a table `headers`")
        return Source(file.name, {})
    known: dict[str, tuple[str, str | None]] = {}
    for header, meaning in headers.items():
        entry = meaning if isinstance(meaning, dict) else {"column": meaning}
        column, unit = entry.get("column"), entry.get("unit")
        if entry.keys() - {"column", "unit"} or not normalise_header(header):
            wanted = "a header with a letter or digit, and column and unit alone"
            faults.append(f"conf/sources/{file.name}: {header!r} is {meaning!r}, wanted {wanted}")
        elif column not in COLUMNS:
            faults.append(f"conf/sources/{file.name}: {header!r} is {column!r}, wanted one of {_list(COLUMNS)}")
        elif unit is not None and unit not in UNITS.get(column, ()):
            wanted = f"one of {_list(UNITS[column])}" if column in UNITS else "none"
            faults.append(f"conf/sources/{file.name}: {header!r} has unit {unit!r}, wanted {wanted}")
        else:
            known[normalise_header(header)] = (column, unit)
    return Source(name, known)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
