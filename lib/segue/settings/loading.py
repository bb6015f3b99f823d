"""Load settings from TOML files, ``--set`` assignments and Python, and report every fault at once.

``defaults_toml`` returns the text of ``conf/defaults.toml``: all settings with their defaults.
"""

import difflib
import json
import logging
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from segue.core import packaged
from segue.errors import SettingsError
from segue.settings.feature_section import Contradiction
from segue.settings.sections import Settings
from segue.settings.values import expectation

log = logging.getLogger(__name__)

RENAMED = {
    "clustering.sample": "clustering.sample_size",
    "selection.fewest": "selection.min_k",
    "selection.halves": "selection.subsamples",
    "ingest.again": "ingest.force",
    "recommend.least_popularity": "recommend.min_popularity",
}
"""Current name of each renamed setting, by its former name. Former names are accepted until 0.3.0."""

SECTIONS: dict[str, type[BaseModel]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}
"""The pydantic model of each section of the settings, by the section's name."""
FIELDS: dict[str, FieldInfo] = {
    f"{section}.{key}": field for section, model in SECTIONS.items() for key, field in model.model_fields.items()
}
"""The pydantic field of every setting, by its full name such as ``clustering.ks``, in order of ``defaults.toml``."""


def load(
    configs: Sequence[str] = (),
    assignments: Iterable[str] = (),
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
) -> Settings:
    """Load Settings: the defaults, changed by TOML files, then by assignments, then by overrides.

    A former name of a setting (see ``RENAMED``) is accepted, with a warning in the log.

    Parameters
    ----------
    configs : paths of TOML files
        If several files give a setting, the last file counts.
    assignments : texts ``section.key=value``, as given with ``--set``
        If several give a setting, the last one counts. A value that is not TOML is read as text.
    overrides : nested mapping from section and name to value
        For example ``{"clustering": {"ks": range(2, 13)}}``.

    Raises
    ------
    SettingsError
        If anything is wrong. The message lists every unreadable file, unknown setting, wrong value and contradiction.
    """
    faults: list[str] = []
    sources = [(f"--config {path}", _read_toml(path, faults)) for path in configs]
    sources += [("--set", _read_assignments(assignments, faults)), ("the Python call", _flatten(overrides or {}))]
    given: dict[str, Any] = {}
    former: set[str] = set()
    for source, values in sources:
        faults += _former_and_current(source, values)
        former |= values.keys() & RENAMED.keys()
        given |= _renamed(values)
    for name in sorted(former):
        log.warning("setting %s is now called %s; the former name is accepted until 0.3.0", name, RENAMED[name])
    faults += [_unknown(name) for name in sorted(given.keys() - FIELDS.keys())]
    nested: dict[str, dict[str, Any]] = {}
    for name in FIELDS.keys() & given.keys():
        section, key = name.split(".")
        nested.setdefault(section, {})[key] = given[name]
    try:
        settings = Settings.model_validate(nested)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        faults += dict.fromkeys(_fault(detail, given) for detail in details)
    if faults:
        raise SettingsError(faults)
    return settings


def with_current_names(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Replace former names of settings by their current names, for example in a ``model.json`` of an older version.

    If a setting is given under both names, the value under the current name is used.

    Parameters
    ----------
    sections : settings as a nested mapping, by section and name

    Returns
    -------
    dict
        The settings, nested in the same way.
    """
    current: dict[str, Any] = {}
    for section, values in sections.items():
        if isinstance(values, Mapping):
            renamed = _renamed({f"{section}.{key}": value for key, value in values.items()})
            current[section] = {name.removeprefix(f"{section}."): value for name, value in renamed.items()}
        else:
            current[section] = values
    return current


def _renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Replace former names of settings by their current names: ``{"selection.fewest": 5} -> {"selection.min_k": 5}``.

    If a setting is given under both names, the value under the current name is used.
    """
    return {RENAMED.get(name, name): value for name, value in values.items() if RENAMED.get(name) not in values}


def _former_and_current(source: str, values: Mapping[str, Any]) -> list[str]:
    """Return an error message for each setting given under both its former and its current name.

    ``source`` is the origin of the values, such as ``--set``. ``values`` maps full names, such as ``clustering.ks``, to
    values.
    """
    return [
        f"{source} gives both {former} and {current}, which is its current name: remove {former}"
        for former, current in RENAMED.items()
        if former in values and current in values
    ]


def _flatten(sections: Mapping[str, Any]) -> dict[str, Any]:
    """Convert nested settings to full names: ``{"train": {"when": "always"}} -> {"train.when": "always"}``."""
    flat: dict[str, Any] = {}
    for section, values in sections.items():
        if isinstance(values, Mapping):
            flat |= {f"{section}.{key}": value for key, value in values.items()}
        else:
            flat[str(section)] = values
    return flat


def recipe(name: str) -> dict[str, Any]:
    """Return the settings of a recipe: a dict by section and name.

    Parameters
    ----------
    name : name of a TOML file in ``conf/recipes`` without its ending, such as ``sound``

    Raises
    ------
    SettingsError
        If there is no such recipe; the message lists all recipes.
    """
    folder = packaged.conf() / "recipes"
    names = sorted(each.name.removesuffix(".toml") for each in folder.iterdir())
    if name not in names:
        raise SettingsError([f"unknown recipe {name!r}, expected one of {', '.join(names)}"])
    return tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))


def _config_text(path: str) -> str:
    """Return the text of a TOML file. A missing file ``conf/…`` is read from the installed package instead."""
    parts = PurePosixPath(path).parts
    if parts[:1] == ("conf",) and not Path(path).exists():
        installed = packaged.conf().joinpath(*parts[1:])
        if ".." not in parts and installed.is_file():
            return installed.read_text("utf-8")
    return Path(path).read_text("utf-8")


def _read_toml(path: str, faults: list[str]) -> dict[str, Any]:
    """Read a TOML file; return its settings by full name: ``{"clustering.ks": "2-20"}``.

    If the file cannot be read, returns {} and appends a message to ``faults``.
    """
    try:
        return _flatten(tomllib.loads(_config_text(path)))
    except OSError as error:
        faults.append(f"--config {path}: {error.strerror}")
    except (ValueError, RecursionError) as error:
        faults.append(f"--config {path}: not TOML in UTF-8: {error}")
    return {}


def _read_assignments(assignments: Iterable[str], faults: list[str]) -> dict[str, Any]:
    """Parse the arguments of ``--set``: ``["clustering.seed=1"] -> {"clustering.seed": 1}``.

    For each text without ``=``, appends a message to ``faults``.
    """
    values: dict[str, Any] = {}
    for text in assignments:
        name, equals, value = (part.strip() for part in text.partition("="))
        if equals:
            values[name] = _parsed(name, value)
        else:
            faults.append(f"--set {text}: expected section.key=value")
    return values


def _parsed(name: str, text: str) -> Any:
    """Parse the value in ``--set name=text`` as TOML: ``"5" -> 5``. Text that is not TOML is the value itself.

    For settings of type str, a text without quotes is never parsed: ``"5" -> "5"``.
    """
    takes_text = name in FIELDS and FIELDS[name].annotation is str
    if takes_text and not text.startswith(("'", '"')):
        return text
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # ValueError: not TOML, or an integer of more than 4,300 digits
        return text
    return parsed["value"] if len(parsed) == 1 else text


def _unknown(name: str) -> str:
    """Return the error message for an unknown setting, with the most similar known name, if any."""
    close = difflib.get_close_matches(name, FIELDS, n=1, cutoff=0.5)
    return f"unknown setting {name}" + (f", did you mean {close[0]}?" if close else "")


def _fault(detail: ErrorDetails, given: Mapping[str, Any]) -> str:
    """Return the error message for a pydantic error: the setting, its value, and the expected values.

    For a Contradiction, the message is the text of the exception. ``given`` maps full names of settings, such as
    ``clustering.ks``, to values.
    """
    reason = detail.get("ctx", {}).get("error")
    if isinstance(reason, Contradiction):
        return str(reason)
    section, key = (str(part) for part in detail["loc"][:2])
    allowed = expectation(SECTIONS[section].model_json_schema()["properties"][key])
    return f"{section}.{key} is {_shown(given[f'{section}.{key}'])}, expected {allowed}"


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # Python converts no integer of more than 4,300 digits
        return "a number of more digits than can be shown"


_HEAD = """\
# Every setting with its default. Change one with --set section.key=value, or several with --config FILE.toml.
# Generated by tools/defaults_toml.py from lib/segue/settings/sections.py: edit that file.
"""
_COMMENT_COLUMN = 27


def defaults_toml() -> str:
    """Return the text of ``conf/defaults.toml``: every setting by section, with its default and its meaning.

    A setting without a default is written as a comment, with an example value.
    """
    parts = [_HEAD]
    for name, model in SECTIONS.items():
        parts.append(f"\n# {model.__doc__}\n[{name}]\n")
        parts += [_line(key, field) for key, field in model.model_fields.items()]
    return "".join(parts)


def _line(key: str, field: FieldInfo) -> str:
    """Return the line of ``conf/defaults.toml`` for one setting: name, default and description as a comment."""
    default = field.get_default(call_default_factory=False)
    value = toml_value((field.examples or [])[0] if default is None else default)
    setting = f"# {key} = {value}" if default is None else f"{key} = {value}"
    return f"{setting:<{_COMMENT_COLUMN - 2}}  # {field.description}\n"


def toml_value(value: Any) -> str:
    """Return the TOML text, on one line, of a value: a mapping, list, tuple, text, number or boolean."""
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    return json.dumps(value)
