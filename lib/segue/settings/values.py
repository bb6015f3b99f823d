"""Define types of settings that pydantic lacks, with their validators, and describe allowed values in words."""

import codecs
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from segue import schema

MAX_K = 1000
"""The largest number of clusters that can be fitted."""

KS_EXPECTED = f'whole numbers from 2 to {MAX_K} such as "2-20" or "5,10,50", each range rising'

_T = TypeVar("_T")
_Names = TypeVar("_Names", tuple[str, ...], dict[str, float])


def parse_ks(text: str) -> tuple[int, ...]:
    """Parse numbers of clusters, such as ``2-20`` or ``5,10,50``; return them ascending and distinct.

    Raises
    ------
    ValueError
        If a part is neither a whole number nor a rising range, or lies outside 2 to ``MAX_K``.

    >>> parse_ks("10,2-4,3")
    (2, 3, 4, 10)
    """
    ks: set[int] = set()
    try:
        for part in text.split(","):
            first, dash, last = part.partition("-")
            ks.update(_ks_within_limits(range(int(first), int(last if dash else first) + 1)))
    except ValueError:
        raise ValueError(f"expected {KS_EXPECTED}") from None
    return tuple(sorted(ks))


def _ks_within_limits(ks: Sequence[int]) -> Sequence[int]:
    """Return ``ks`` unchanged; raise ValueError if ``ks`` is empty or an item is not an int from 2 to ``MAX_K``."""
    if not ks or not all(isinstance(k, int) and 2 <= k <= MAX_K for k in ks):
        raise ValueError(f"expected {KS_EXPECTED}")
    return ks


def _ks(value: Any) -> tuple[int, ...]:
    """Convert ``"2-20"``, a range, list or tuple of numbers, or one number to an ascending tuple of distinct ints.

    Raises ValueError if a number is not allowed.
    """
    if isinstance(value, str):
        return parse_ks(value)
    if not isinstance(value, range | list | tuple):
        value = [value]
    return tuple(sorted(set(_ks_within_limits(value))))


def _as_tuple(value: Any) -> Any:
    """Convert a list to a tuple, and return any other value unchanged.

    Settings hold tuples, but TOML and JSON have only lists. As the models are strict, pydantic refuses these lists.
    """
    return tuple(value) if isinstance(value, list) else value


def _split_names(value: Any) -> Any:
    """Convert ``"bpm, energy"`` or a list of names to a tuple of names; return other values unchanged."""
    return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else _as_tuple(value)


def _different_names_out_of(allowed: Sequence[str]) -> AfterValidator:
    """Return a pydantic validator for names (a tuple or dict): none may be repeated, and all must be in ``allowed``."""

    def check(names: _Names) -> _Names:
        listed = list(names)
        if not set(listed) <= set(allowed) or len(set(listed)) < len(listed):
            raise ValueError("expected different names out of those allowed")
        return names

    return AfterValidator(check)


def _positive_with_offsets(offsets: dict[str, float]) -> dict[str, float]:
    """Return ``offsets``, a dict from feature to offset; raise ValueError if ln(value + offset) may be undefined.

    Value plus offset must be above 0 for every value in the feature's range. Features that can be negative, ``year``
    and unknown names are refused.
    """
    for name, offset in offsets.items():
        feature = _LOGGABLE.get(name)
        if feature is None:
            raise ValueError(f"{name} can be negative")
        if feature.low + offset <= 0 and not (feature.low_is_open and offset == 0):
            raise ValueError(f"{name} can be {feature.low:g}, expected an offset above {-feature.low:g}")
    return offsets


def _encoding(name: str) -> str:
    """Return ``auto`` in lower case, or Python's name for the encoding ``name``.

    Raises ValueError if Python does not know the encoding, or if the encoding does not extend ASCII.
    """
    if name.lower() == "auto":
        return "auto"
    ascii_bytes = bytes(range(128))
    try:
        if ascii_bytes.decode("ascii").encode(name) != ascii_bytes:
            raise ValueError(f"{name} writes ASCII as other bytes")
        return codecs.lookup(name).name
    except LookupError as error:
        raise ValueError(str(error)) from None


def _expected(text: str) -> Any:
    """Return pydantic metadata with the text after "expected" in error messages, such as "a text that is not empty"."""
    return Field(json_schema_extra={"expected": text})


_LOGGABLE = {number.name: number for number in schema.NUMBERS if number.low >= 0}
_NOT_NEGATIVE = tuple(feature.name for feature in schema.FEATURES if feature.low >= 0)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), _expected("a text that is not empty")]
Encoding = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    AfterValidator(_encoding),
    _expected('"auto", or an encoding that extends ASCII, such as "utf-8" or "cp1252"'),
]
Ks = Annotated[tuple[int, ...], BeforeValidator(_ks), _expected(KS_EXPECTED)]
ListOf = Annotated[tuple[_T, ...], BeforeValidator(_as_tuple)]
YEAR = "year"
CLUSTERED_NAMES = (*schema.FEATURE_NAMES, YEAR)
OptionalNames = Annotated[
    tuple[str, ...],
    BeforeValidator(_split_names),
    _different_names_out_of(CLUSTERED_NAMES),
    _expected(f"a list of different names out of {', '.join(CLUSTERED_NAMES)}"),
]
FeatureNames = Annotated[OptionalNames, Field(min_length=1)]
LoggedNames = Annotated[
    tuple[str, ...],
    BeforeValidator(_split_names),
    _different_names_out_of(_NOT_NEGATIVE),
    _expected(f"a list of different features that are never negative, out of {', '.join(_NOT_NEGATIVE)}"),
]
SIMILARITY_NAMES = (*CLUSTERED_NAMES, schema.POPULARITY.name)
SimilarityNames = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(_split_names),
    _different_names_out_of(SIMILARITY_NAMES),
    _expected(f"a list of different names out of {', '.join(SIMILARITY_NAMES)}"),
]
SimilarityWeights = Annotated[
    dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]],
    _different_names_out_of(SIMILARITY_NAMES),
    _expected("a table of features and their weights above 0, such as { year = 2.0 }"),
]
Offsets = Annotated[
    dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]],
    AfterValidator(_positive_with_offsets),
    _expected(
        f"a table of features out of {', '.join(_LOGGABLE)}, each with a number above 0 (duration_s, bpm: 0 or more) "
        "that is added to its values, such as { speechiness = 0.01 }"
    ),
]
Weights = Annotated[
    dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]],
    _different_names_out_of(CLUSTERED_NAMES),
    _expected("a table of features and their weights above 0, such as { bpm = 0.5 }"),
]


def expectation(json_schema: Mapping[str, Any]) -> str:
    """Describe in words the values allowed by a setting's JSON schema, such as ``a whole number, 1 to 10``.

    Raises TypeError for a schema that it cannot describe, such as that of a number without a lower limit.
    """
    match json_schema:
        case {"expected": str(text)}:
            return text
        case {"anyOf": [option, {"type": "null"}]}:
            return expectation(option)
        case {"anyOf": options}:
            return ", or ".join(expectation(option) for option in options)
        case {"const": only}:
            return f'"{only}"'
        case {"enum": choices}:
            return f"one of {', '.join(choices)}"
        case {"type": "boolean"}:
            return "true or false"
        case {"type": "array", "items": item}:
            return f"a list, each {expectation(item)}"
    kind = "a whole number" if json_schema["type"] == "integer" else "a number"
    match json_schema:
        case {"minimum": low, "maximum": high}:
            return f"{kind}, {low:.17g} to {high:.17g}"
        case {"minimum": low}:
            return f"{kind} of at least {low:.17g}"
        case {"exclusiveMinimum": low}:
            return f"{kind} above {low:.17g}"
    raise TypeError(f"no words for a setting with the JSON schema {json_schema}")
