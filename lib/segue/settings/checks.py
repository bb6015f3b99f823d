"""What every setting may be: functions from a raw value to a checked one, or to ValueError saying what is wanted."""

import codecs
import sys
from collections.abc import Callable
from typing import Any

from segue import schema

MAX_K = 1000


def _one_of(*choices: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return str(value)

    return check


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value.strip()


def _encoding(value: Any) -> str:
    try:
        ascii_stays = bytes(range(128)).decode("ascii").encode(text(value)) == bytes(range(128))
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
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
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


def _list_of(check: Callable[[Any], Any], wanted: str) -> Callable[[Any], tuple[Any, ...]]:
    def check_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"a list of {wanted}")
        try:
            return tuple(check(item) for item in value)
        except ValueError as error:
            raise ValueError(f"a list of {wanted}, each {error}") from None

    return check_all


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


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _popularity(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise ValueError("a number, 0 to 100")
    return float(value)


_optional_k = _whole(2, MAX_K)
_scaler = _one_of("minmax", "standard", "robust")
_years = _whole(0, 10_000)
CHECKS: dict[str, Callable[[Any], Any]] = {
    "ingest.source": text,
    "ingest.mode": _one_of("upsert", "snapshot"),
    "ingest.encoding": _encoding,
    "ingest.invalid_utf8": _one_of("refuse", "reject"),
    "ingest.multiline": _multiline,
    "ingest.again": _flag,
    "features.columns": _features(1),
    "features.scaler": _scaler,
    "features.missing": _one_of("reject", "median"),
    "features.log": _features(0),
    "features.weights": _weights,
    "clustering.ks": _ks,
    "clustering.engine": _one_of("fused", "spark-ml"),
    "clustering.restarts": _whole(1, 10_000),
    "clustering.max_iter": _whole(1, 1_000_000),
    "clustering.tol": _positive,
    "clustering.seed": _whole(0, 2**53),
    "clustering.sample": _whole(1000, 10_000_000),
    "selection.rule": _one_of("silhouette", "knee", "stable", "fixed"),
    "selection.fewest": _whole(2),
    "selection.k": lambda value: None if value is None else _optional_k(value),
    "selection.halves": _whole(2, 1000),
    "tuning.columns": _list_of(_features(1), "feature sets"),
    "tuning.scalers": _list_of(_scaler, "scalers"),
    "tuning.log": _list_of(_features(0), "feature sets"),
    "tuning.weights": _list_of(_weights, "tables of weights"),
    "train.when": _one_of("missing", "always"),
    "label.model_version": text,
    "recommend.features": _features(1),
    "recommend.scaling": _one_of("minmax", "standard", "quantile"),
    "recommend.method": _one_of("auto", "tree", "cells"),
    "recommend.per_artist": _whole(0, 10),
    "recommend.other_releases": _flag,
    "recommend.same_genre": _flag,
    "recommend.years_apart": lambda value: None if value is None else _years(value),
    "recommend.least_popularity": _popularity,
    "recommend.outliers": _flag,
    "recommend.playlist_length": _whole(1, 1000),
    "report.points": _whole(100, 7000),
    "report.searchable": _whole(0, 1000),
}
"""Every setting there is, and what turns its raw value into a checked one."""
