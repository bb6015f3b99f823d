"""TOML and ``--set`` become frozen settings, or one error that names every fault."""

import codecs
import difflib
import math
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from segue import resources, schema
from segue.errors import SettingsError

MAX_K = 1000


@dataclass(frozen=True, slots=True)
class Ingest:
    """How files are read."""

    source: str
    mode: str
    encoding: str
    invalid_utf8: str
    multiline: bool | str


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


@dataclass(frozen=True, slots=True)
class Selection:
    """Which k becomes the model."""

    rule: str
    fewest: int
    k: int | None


@dataclass(frozen=True, slots=True)
class Train:
    """When the pipeline trains."""

    when: str


@dataclass(frozen=True, slots=True)
class Label:
    """Which model labels."""

    model_version: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a run, checked."""

    ingest: Ingest
    features: Features
    clustering: Clustering
    selection: Selection
    train: Train
    label: Label


def _one_of(*choices: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return str(value)

    return check


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value.strip()


def _encoding(value: Any) -> str:
    try:
        ascii_stays = "\n\r,;\t\"'".encode(_text(value)) == b"\n\r,;\t\"'"
        name = codecs.lookup(value).name
    except (ValueError, LookupError):
        ascii_stays, name = False, ""
    if not ascii_stays:
        raise ValueError('an encoding that writes ASCII as ASCII, such as "utf-8" or "cp1252"')
    return name


def _whole(least: int, most: int | None = None) -> Callable[[Any], int]:
    wanted = f"a whole number of at least {least}" if most is None else f"a whole number, {least} to {most}"

    def check(value: Any) -> int:
        too_far = not isinstance(value, int) or value < least or (most is not None and value > most)
        if isinstance(value, bool) or too_far:
            raise ValueError(wanted)
        return int(value)

    return check


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError("a number above 0")
    return float(value)


def _multiline(value: Any) -> bool | str:
    if not isinstance(value, bool) and value != "auto":
        raise ValueError('true, false or "auto"')
    return value


def _features(least: int) -> Callable[[Any], tuple[str, ...]]:
    def check(value: Any) -> tuple[str, ...]:
        names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
        known = isinstance(names, list) and all(name in schema.FEATURE_NAMES for name in names)
        if not known or len(names) < least or len(set(names)) < len(names):
            raise ValueError(f"a list of different names out of {', '.join(schema.FEATURE_NAMES)}")
        return tuple(names)

    return check


def _weights(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or not all(name in schema.FEATURE_NAMES for name in value):
        raise ValueError("a table of features and their weights, such as { bpm = 0.5 }")
    return {name: _positive(weight) for name, weight in value.items()}


def _ks(value: Any) -> tuple[int, ...]:
    wanted = f'whole numbers from 2 to {MAX_K} such as "2-20" or "5,10,50", each range rising'
    ks: set[int] = set()
    for part in str(value).split(","):
        first, dash, last = part.partition("-")
        try:
            span = range(int(first), int(last if dash else first) + 1)
        except ValueError:
            raise ValueError(wanted) from None
        if not span or span[0] < 2 or span[-1] > MAX_K:
            raise ValueError(wanted)
        ks.update(span)
    return tuple(sorted(ks))


_optional_k = _whole(2, MAX_K)

CHECKS: dict[str, Callable[[Any], Any]] = {
    "ingest.source": _text,
    "ingest.mode": _one_of("upsert", "snapshot"),
    "ingest.encoding": _encoding,
    "ingest.invalid_utf8": _one_of("refuse", "reject"),
    "ingest.multiline": _multiline,
    "features.columns": _features(1),
    "features.scaler": _one_of("minmax", "standard", "robust"),
    "features.missing": _one_of("reject", "median"),
    "features.log": _features(0),
    "features.weights": _weights,
    "clustering.ks": _ks,
    "clustering.engine": _one_of("spark-ml"),
    "clustering.restarts": _whole(1),
    "clustering.max_iter": _whole(1),
    "clustering.tol": _positive,
    "clustering.seed": _whole(0, 2**53),
    "selection.rule": _one_of("silhouette", "knee", "fixed"),
    "selection.fewest": _whole(2),
    "selection.k": lambda value: None if value is None else _optional_k(value),
    "train.when": _one_of("missing", "always"),
    "label.model_version": _text,
}
"""Every setting there is, and what turns its raw value into a checked one."""


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
    given |= dict(_assignment(text, faults) for text in assignments if _is_assignment(text, faults))
    for name in sorted(given.keys() - CHECKS.keys()):
        close = difflib.get_close_matches(name, CHECKS, n=1, cutoff=0.5)
        faults.append(f"unknown setting {name}" + (f", did you mean {close[0]}?" if close else ""))
    checked = {name: _check(name, given.get(name, raw.get(name)), faults) for name in CHECKS}
    if not faults:
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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"--config {path}: not TOML in UTF-8: {error}")
    return {}


def _is_assignment(text: str, faults: list[str]) -> bool:
    if "=" in text:
        return True
    faults.append(f"--set {text}: wanted section.key=value")
    return False


def _assignment(text: str, faults: list[str]) -> tuple[str, Any]:
    """Read the value as TOML where it is TOML, and as a bare text where it is not."""
    name, _, value = text.partition("=")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value.strip()


def _check(name: str, value: Any, faults: list[str]) -> Any:
    try:
        return CHECKS[name](value)
    except ValueError as wanted:
        faults.append(f"{name} is {value!r}, wanted {wanted}")
        return None


def _contradictions(checked: dict[str, Any]) -> list[str]:
    columns = checked["features.columns"]
    low = {feature.name: feature.low for feature in schema.FEATURES}
    strangers = {name: [n for n in checked[name] if n not in columns] for name in ("features.log", "features.weights")}
    faults = [
        f"{name} names {', '.join(names)}, not among features.columns ({', '.join(columns)})"
        for name, names in strangers.items()
        if names
    ]
    faults += [f"features.log names {n}, which may be negative" for n in checked["features.log"] if low[n] < 0]
    if checked["selection.rule"] == "fixed" and checked["selection.k"] is None:
        faults.append("selection.rule is 'fixed', wanted selection.k with it")
    return faults
