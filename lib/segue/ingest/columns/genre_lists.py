"""Find the separator of a file's genres, such as "; ", and split texts that hold several genres.

A comma may separate genres or belong to a name ("Folk, World, & Country"). A separator must therefore meet two
conditions. Of the texts with any of the possible separators, at least 80 % have this separator. Of the texts with this
separator, at least half share a part with another text, as "rock, pop" shares "pop" with "jazz, pop". A comma must also
be in at least two texts. Equal texts count once; lists in brackets do not count.
"""

import functools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from segue.ingest import parsing
from segue.ingest.columns.column_matching import ColumnLayout
from segue.ingest.columns.layout_memory import DECIDE_AGAIN, GENRE_SEPARATOR, NO_SEPARATOR, Guess
from segue.ingest.columns.units import MIN_VALUES, SampleValues

GENRE_SEPARATORS = (";", "|", ",")
"""The separators that are tried, in this order. A slash is excluded, because many names of genres hold one."""
_MIN_SHARE = 0.8
"""Of the texts with any separator, the minimum share that have the chosen one."""
_MIN_RECURRING = 0.5
"""Of the texts with the chosen separator, the minimum share that have a part in common with another text."""
_MIN_COMMA_LISTS = 2
_SPLIT = {
    ";": re.compile(";"),
    "|": re.compile(r"\|"),
    # one of Discogs' genres is "Folk, World, & Country"
    ",": re.compile(r",(?! (?:World, )?& Country)"),
}


@lru_cache(maxsize=1024)
def split_genres(text: str | None, separator: str | None) -> tuple[str, ...]:
    """Return the genres in a text as a tuple, in the text's order, without repetition. Cached, as genres repeat.

    Parameters
    ----------
    text : str or None
        A genre, a list or set in Python or JSON notation, or genres joined by ``separator``.
    separator : str or None
        One of ``GENRE_SEPARATORS``; None: every text is one genre, unless it is a list in brackets.

    >>> split_genres("pop, R&B/Soul, pop", ","), split_genres("Folk, World, & Country", None), split_genres("?", ",")
    (('pop', 'R&B/Soul'), ('Folk, World, & Country',), ())
    """
    if text is None or parsing.is_missing(text):
        return ()
    names = parsing.parse_list(text)
    if separator and names == [text]:
        names = [part.strip() for part in _SPLIT[separator].split(text)]
    return tuple(name for name in dict.fromkeys(names) if not parsing.is_missing(name))


def genre_separator(texts: Sequence[str]) -> str | None:
    """Return the separator of the genres in ``texts``, one of ``GENRE_SEPARATORS``; None if none is evident.

    >>> genre_separator(["rock, pop", "pop", "jazz, pop"]), genre_separator(["Drum & Bass", "Folk, World, & Country"])
    (',', None)
    """
    distinct = [text for text in dict.fromkeys(texts) if parsing.parse_list(text) == [text]]
    with_any = [text for text in distinct if any(separator in text for separator in GENRE_SEPARATORS)]
    for separator in GENRE_SEPARATORS:
        lists = [text for text in with_any if separator in text]
        if len(lists) < _MIN_SHARE * len(with_any) or len(lists) < (_MIN_COMMA_LISTS if separator == "," else 1):
            continue
        parts = {text: {name.casefold() for name in split_genres(text, separator)} for text in distinct}
        n_texts = Counter(name for names in parts.values() for name in names)
        recurring = sum(len(parts[text]) > 1 and any(n_texts[name] > 1 for name in parts[text]) for text in lists)
        if recurring and recurring >= _MIN_RECURRING * len(lists):
            return separator
    return None


_cached_separator = functools.lru_cache(maxsize=16)(genre_separator)
"""``genre_separator`` with a cache, because files with the same header call it with the same texts."""


def with_genre_separator(
    layout: ColumnLayout, sample: SampleValues, fallback: SampleValues, given: str = "auto"
) -> ColumnLayout:
    """Return a ColumnLayout with its ``genre_separator`` set. A layout without a genre column is returned unchanged.

    The first of these decides: the setting ``given``, unless it is ``auto``; an earlier file with this header, if its
    decision is in ``layout.remembered``; the values. A separator chosen by the values is added to ``guesses`` and
    ``decided``. If the values suggest no separator although two or more texts hold one, ``decided`` gets ``none`` (if
    ``sample`` has at least ``MIN_VALUES`` genres). If the values suggest another separator than the earlier file, a
    warning is added.

    Parameters
    ----------
    layout : ColumnLayout
        How the columns of the file are read.
    sample : sequence of rows, shape (n_rows, n_columns)
        Rows of the file as text; rows may be shorter than the header.
    fallback : sequence of rows, shape (n_rows, n_columns)
        Rows of all files with the same header; used if ``sample`` suggests no separator.
    given : str
        The setting ``ingest.genre_separator``: a separator, ``none``, or ``auto``.
    """
    column = layout.columns.get("genre")
    if column is None:
        return layout
    if given != "auto":
        return replace(layout, genre_separator=None if given == NO_SEPARATOR else given)
    texts = [_genre_texts(rows, column.index) for rows in (sample, fallback)]
    separator = next(filter(None, map(_cached_separator, texts)), None)
    remembered = layout.remembered.get(GENRE_SEPARATOR)
    if remembered:
        warning = (
            f"column {column.header!r} is split at {remembered.value!r}, as in {remembered.source_file}, although its "
            f"values here look separated by {separator!r}; {DECIDE_AGAIN} decides by them"
        )
        warnings = (*layout.warnings, warning) if separator and separator != remembered.value else layout.warnings
        value = None if remembered.value == NO_SEPARATOR else remembered.value
        return replace(layout, genre_separator=value, warnings=warnings)
    if separator:
        sentence = f"column {column.header!r} read as lists of genres separated by {separator!r}"
        guess = Guess(sentence, f"--set ingest.genre_separator={separator!r}")
        decided = {**layout.decided, GENRE_SEPARATOR: separator}
        return replace(layout, genre_separator=separator, guesses=(*layout.guesses, guess), decided=decided)
    # "none" is stored only if some texts hold a separator: otherwise lists in later files would stay unsplit
    n_with_separator = sum(any(each in text for each in GENRE_SEPARATORS) for text in set(texts[0]))
    if n_with_separator >= _MIN_COMMA_LISTS and len(texts[0]) >= MIN_VALUES:
        return replace(layout, decided={**layout.decided, GENRE_SEPARATOR: NO_SEPARATOR})
    return layout


def _genre_texts(rows: SampleValues, index: int) -> tuple[str, ...]:
    cells = (parsing.clean_text(row[index]) for row in rows if index < len(row))
    return tuple(cell for cell in cells if cell)
