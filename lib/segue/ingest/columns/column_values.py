"""Rate how well the sampled values of a file's column fit a column of the table ``tracks``.

If the headers of several columns match one column of ``tracks``, the ratings decide among them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from segue import schema
from segue.ingest import parsing
from segue.ingest.columns.misfits import find_misfit
from segue.ingest.columns.units import MIN_VALUES, NUMBER_NAMES, SampleValues

CONTRADICTS, POOR, FITS, FITS_BEST = range(4)
"""Ratings of the values of a file's column for a column of ``tracks``, from worst to best.

``CONTRADICTS``: the values are impossible in the column of ``tracks``. ``POOR``: they are mostly missing, or have
little information, such as only 0 and 1. ``FITS``: they are possible. ``FITS_BEST``: their form is typical, such as
Spotify's track ids.
"""
_HIGHEST_KEY = 11
_MAX_BEYOND = 0.02
"""Maximum share of values above 11 in a column of musical keys. With more, the column is taken for something else."""
_SPOTIFY_ID = r"[0-9A-Za-z]{22}"
_TRACK_ID = re.compile(rf"{_SPOTIFY_ID}|spotify:track:\S+|https?://open\.spotify\.com/\S*track/\S+")
_OTHER_URI = re.compile(r"spotify:(?!track:|local:)\w+:\S+|https?://open\.spotify\.com/(?!\S*track/)\S+")
_ID = re.compile(
    rf"{_SPOTIFY_ID}|[0-9a-f]{{32}}|[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}|\w+://\S+|spotify:\S+"
)
_LIST_MEMBER = re.compile(r"[^\s\[\]'\",;|]+")
_FLAGS = frozenset({"0", "1", "0.0", "1.0", "true", "false", "yes", "no"})


def column_texts(sample: SampleValues, index: int) -> list[str]:
    """Return the stripped texts of one column, without missing values.

    ``sample`` is a sequence of rows of texts, shape (n_rows, n_columns); rows may be shorter than the header. ``index``
    is the position of the column, from 0.
    """
    texts = (row[index] for row in sample if index < len(row))
    return [text.strip() for text in texts if text is not None and not parsing.is_missing(text)]


def fit_values(column: str, header: str, texts: Sequence[str], n_rows: int) -> int:
    """Rate how well the values of a file's column fit a column of ``tracks``, from ``CONTRADICTS`` to ``FITS_BEST``.

    Parameters
    ----------
    column : str
        The column of ``tracks``.
    header : str
        The normalised header in the file. In a column called ``id``, whole numbers are row numbers, not track ids.
    texts : sequence of str
        The values, a result of ``column_texts``.
    n_rows : int
        Number of sampled rows, with or without a value. If fewer than half have one, the rating is at most ``POOR``.
    """
    if not texts:
        return POOR
    if column == "track_id":
        fit = _fit_track_id(header, texts)
    elif column in NUMBER_NAMES:
        fit = _fit_number(column, texts)
    elif column == "year":
        fit = FITS if _share(parsing.parse_year(text) is not None for text in texts) > 0.5 else CONTRADICTS
    elif column == "key":
        numbers = [parsing.parse_number(text) for text in texts]
        n_beyond = sum(number is not None and number > _HIGHEST_KEY for number in numbers)
        fit = CONTRADICTS if n_beyond > _MAX_BEYOND * len(texts) else FITS
    elif column in schema.DETAILS:
        fit = FITS
    else:
        are_numbers = _are_numbers(texts)
        contradicts = are_ids(texts) or (are_numbers and len(texts) >= MIN_VALUES)
        fit = CONTRADICTS if contradicts else POOR if are_numbers else FITS
    return min(fit, POOR) if len(texts) < n_rows / 2 else fit


def are_ids(texts: Sequence[str]) -> bool:
    """Return whether all texts are ids, URIs or lists of these, and at least one text has a digit.

    Ids are those of Spotify, UUIDs such as MusicBrainz's, and 32 hexadecimal digits.

    >>> are_ids(["4Z8W4fKeB5YxbusRsdQVPb"]), are_ids(["['4Z8W4fKeB5YxbusRsdQVPb']"]), are_ids(["Radiohead"])
    (True, True, False)
    """
    members = [_LIST_MEMBER.findall(text) for text in texts]
    return all(text_members and all(map(_ID.fullmatch, text_members)) for text_members in members) and any(
        any(letter.isdigit() for letter in text) for text in texts
    )


def is_text_column(texts: Sequence[str]) -> bool:
    """Return whether most texts are words: not numbers, durations, years or flags.

    False if all texts are ids, or if there are no texts.
    """
    return bool(texts) and not are_ids(texts) and _share(not _is_number_like(text) for text in texts) > 0.5


def feature_warnings(
    columns: Mapping[str, tuple[int, str]], sample: SampleValues, required: Sequence[str]
) -> list[str]:
    """Return a warning for each feature that equals another feature in all rows, or is required and always 0.

    Features with a single value in all rows are not compared.

    Parameters
    ----------
    columns : mapping of str to (int, str)
        Position (from 0) and header of the column of each feature.
    sample : sequence of rows, shape (n_rows, n_columns)
        Rows of the file as text; a feature with fewer than ``MIN_VALUES`` values gives no warning.
    required : sequence of str
        Features that the file must have a column for.
    """
    warnings: list[str] = []
    first: dict[tuple[str | None, ...], str] = {}
    for name, (index, header) in columns.items():
        texts = tuple(row[index] for row in sample if index < len(row))
        values = {text for text in texts if not parsing.is_missing(text)}
        if sum(text in values for text in texts) < MIN_VALUES:
            continue
        if name in required and all(parsing.parse_number(text or "") == 0 for text in values):
            warnings.append(f"column {header!r}: {name} is 0 in every sampled row, so it distinguishes no tracks")
        elif len(values) > 1 and first.setdefault(texts, header) != header:
            warnings.append(f"columns {first[texts]!r} and {header!r} are equal in every sampled row")
    return warnings


def _fit_track_id(header: str, texts: Sequence[str]) -> int:
    are_row_numbers = header == "id" and all(map(str.isdecimal, texts))
    if are_row_numbers or _share(_OTHER_URI.fullmatch(text) is not None for text in texts) > 0.5:
        return CONTRADICTS
    if _share(_TRACK_ID.fullmatch(text) is not None for text in texts) > 0.9:
        return FITS_BEST
    return POOR if all(map(str.isdecimal, texts)) or len(set(texts)) < len(texts) / 2 else FITS


def _fit_number(column: str, texts: Sequence[str]) -> int:
    # the decimal sign is not decided yet; with commas read as decimal commas, most values lie in the range
    numbers = [parsing.parse_number(text, decimal_comma=True) for text in texts]
    values = [number for number in numbers if number is not None]
    if find_misfit(column, "percent" if column not in ("bpm", "loudness", "duration_s") else "", texts, values):
        return CONTRADICTS
    return POOR if set(values) <= {0, 1} else FITS


def _are_numbers(texts: Sequence[str]) -> bool:
    return all(parsing.parse_number(text, decimal_comma=True) is not None for text in texts)


def _is_number_like(text: str) -> bool:
    return (
        text.lower() in _FLAGS
        or parsing.parse_number(text, decimal_comma=True) is not None
        or parsing.parse_duration(text) is not None
        or parsing.parse_year(text) is not None
    )


def _share(tests: Iterable[bool]) -> float:
    results = list(tests)
    return sum(results) / len(results)
