"""TOML and ``--set`` become frozen settings, or one error that names every fault."""

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from segue import schema
from segue.core import resources
from segue.errors import SettingsError
from segue.settings import checks
from segue.settings.checks import CHECKS


@dataclass(frozen=True, slots=True)
class Ingest:
    """How files are read."""

    source: str
    mode: str
    encoding: str
    invalid_utf8: str
    multiline: bool | str
    again: bool


@dataclass(frozen=True, slots=True)
class Features:
    """The space in which tracks are compared."""

    columns: tuple[str, ...]
    scaler: str
    missing: str
    log: tuple[str, ...]
    weights: dict[str, float]


@dataclass(frozen=True, slots=True)
class Clustering:
    """How every k is fitted."""

    ks: tuple[int, ...]
    engine: str
    restarts: int
    max_iter: int
    tol: float
    seed: int
    sample: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which k becomes the model."""

    rule: str
    fewest: int
    k: int | None
    halves: int


@dataclass(frozen=True, slots=True)
class Tuning:
    """What else to try than the space of ``[features]``: every combination is a space."""

    columns: tuple[tuple[str, ...], ...]
    scalers: tuple[str, ...]
    log: tuple[tuple[str, ...], ...]
    weights: tuple[dict[str, float], ...]


@dataclass(frozen=True, slots=True)
class Train:
    """When the pipeline trains."""

    when: str


@dataclass(frozen=True, slots=True)
class Label:
    """Which model labels."""

    model_version: str


@dataclass(frozen=True, slots=True)
class Recommend:
    """Which tracks are similar, and which of them are worth naming."""

    features: tuple[str, ...]
    scaling: str
    method: str
    per_artist: int
    other_releases: bool
    same_genre: bool
    years_apart: int | None
    least_popularity: float | None
    outliers: bool
    playlist_length: int


@dataclass(frozen=True, slots=True)
class Report:
    """What the page shows of a large catalogue."""

    points: int
    searchable: int


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a run, checked."""

    ingest: Ingest
    features: Features
    clustering: Clustering
    selection: Selection
    tuning: Tuning
    train: Train
    label: Label
    recommend: Recommend
    report: Report


def load(config: str | None = None, assignments: Iterable[str] = ()) -> Settings:
    """Return the defaults, changed by a TOML file and then by ``section.key=value`` assignments.

    Raises
    ------
    SettingsError
        Naming every unknown setting and every wrong value at once.
    """
    faults: list[str] = []
    raw = _flatten(tomllib.loads((resources.conf() / "defaults.toml").read_text("utf-8")))
    given = _read_config(config, faults) if config else {}
    given |= dict(_assignment(text) for text in assignments if _is_assignment(text, faults))
    for name in sorted(given.keys() - CHECKS.keys()):
        close = difflib.get_close_matches(name, CHECKS, n=1, cutoff=0.5)
        faults.append(f"unknown setting {name}" + (f", did you mean {close[0]}?" if close else ""))
    checked: dict[str, Any] = {}
    for name, check in CHECKS.items():
        value = given.get(name, raw.get(name))
        try:
            checked[name] = check(value)
        except ValueError as wanted:
            faults.append(f"{name} is {_shown(value)}, wanted {wanted}")
    faults += _contradictions(checked)
    if faults:
        raise SettingsError(faults)
    return Settings(
        **{
            section.name: section.type(  # type: ignore[operator]
                **{f.name: checked[f"{section.name}.{f.name}"] for f in fields(section.type)}  # type: ignore[arg-type]
            )
            for section in fields(Settings)
        }
    )


def _flatten(sections: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for section, values in sections.items():
        if isinstance(values, dict):
            flat |= {f"{section}.{key}": value for key, value in values.items()}
        else:
            flat[section] = values
    return flat


def _read_config(path: str, faults: list[str]) -> dict[str, Any]:
    try:
        return _flatten(tomllib.loads(Path(path).read_text("utf-8")))
    except OSError as error:
        faults.append(f"--config {path}: {error.strerror}")
    except ValueError as error:
        faults.append(f"--config {path}: not TOML in UTF-8: {error}")
    return {}


def _is_assignment(text: str, faults: list[str]) -> bool:
    if "=" in text:
        return True
    faults.append(f"--set {text}: wanted section.key=value")
    return False


def _assignment(text: str) -> tuple[str, Any]:
    """Read the value as TOML where it is TOML, and as a bare text where it is not, or where only text will do."""
    name, value = (part.strip() for part in text.split("=", 1))
    if CHECKS.get(name) is checks.text and value[:1] not in ("'", '"'):
        return name, value
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except ValueError:  # no TOML, or more digits than Python reads
        return name, value


def _shown(value: Any) -> str:
    """Return a value as an error quotes it; not every integer can be written out."""
    try:
        return repr(value)
    except ValueError:
        return "a number of more digits than can be shown"


def _contradictions(checked: dict[str, Any]) -> list[str]:
    """Return what is wrong between settings that are each right; those that are not are left out."""
    faults = []
    columns = checked.get("features.columns")
    low = {feature.name: feature.low for feature in schema.FEATURES}
    for name in ("features.log", "features.weights"):
        strangers = [n for n in checked.get(name, ()) if columns and n not in columns]
        if columns and strangers:
            listed = ", ".join(columns)
            faults.append(f"{name} names {', '.join(strangers)}, not among features.columns ({listed})")
    logged = {"features.log": (checked.get("features.log", ()),), "tuning.log": checked.get("tuning.log", ())}
    for name, sets in logged.items():
        negative = dict.fromkeys(n for features in sets for n in features if low[n] < 0)
        faults += [f"{name} names {feature}, which may be negative" for feature in negative]
    named = checked.get("label.model_version", "latest")
    if checked.get("train.when") == "always" and named != "latest":
        faults.append(f"train.when is 'always', and label.model_version is {named!r}: wanted one or the other")
    if checked.get("selection.rule") == "fixed" and checked.get("selection.k", 0) is None:
        faults.append("selection.rule is 'fixed', wanted selection.k with it")
    return faults
