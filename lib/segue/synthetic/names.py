"""Invented artists, titles and albums: pairs of words from the lists, put together by column expressions."""

from collections.abc import Sequence
from typing import NamedTuple

from pyspark.sql import Column
from pyspark.sql import functions as F

from segue.synthetic.draws import below, bits, choice, uniform
from segue.synthetic.words import (
    ADJECTIVES,
    ENDINGS,
    FIRST_NAMES,
    HALLS,
    LAST_NAMES,
    NOUNS,
    ODD_TITLES,
    OTHER_SCRIPTS,
    PLACES,
    PLURALS,
    STEMS,
    VERBS,
)


class Pattern(NamedTuple):
    """A way to make a name: the start, a word of ``left``, the joint, a word of ``right``."""

    weight: int
    start: str
    left: Sequence[str]
    joint: str
    right: Sequence[str]


_NO_WORD = ("",)
_ARTISTS = (
    Pattern(40, "", FIRST_NAMES, " ", LAST_NAMES),
    Pattern(25, "The ", ADJECTIVES, " ", PLURALS),
    Pattern(15, "", NOUNS, " & the ", PLURALS),
    Pattern(16, "", STEMS, "", ENDINGS),
    *(Pattern(1, "", first, " ", last) for first, last in OTHER_SCRIPTS),
)
_TITLES = (
    Pattern(60, "", ADJECTIVES, " ", NOUNS),
    Pattern(37, "", VERBS, " the ", NOUNS),
    Pattern(40, "", NOUNS, " in ", PLACES),
    Pattern(20, "", PLURALS, " Don't ", VERBS),
    Pattern(20, "", VERBS, " Me to ", PLACES),
    Pattern(20, "", NOUNS, " Without ", PLURALS),
    Pattern(3, "", ODD_TITLES, "", _NO_WORD),
)
# A prime larger than any two of the lists multiplied, so multiplying by it permutes the pairs.
_STRIDE = 7_368_787


def artist_pattern(code: Column, seed: int) -> Column:
    """Return which pattern makes the name of the artist numbered ``code`` (long, 0 or more)."""
    slots = _slots(_ARTISTS)  # 101, prime: every genre meets every pattern
    return _owner(_ARTISTS, F.pmod(code * F.lit(37) + F.lit(seed % slots), F.lit(slots)))


def artist_name(code: Column, pattern: Column, seed: int) -> Column:
    """Return the name of the artist numbered ``code``; no two numbers share a name.

    Numbers of one pattern give different pairs of words, with a figure behind the pair once all are used up,
    and no pattern can give another's names. So an artist has one genre, because its number has.
    """
    # Patterns with one slot count in laps of the slots, so that their few words last longer.
    number = F.floor(code / choice([_slots(_ARTISTS) if p.weight == 1 else 1 for p in _ARTISTS], pattern))
    n_left = choice([len(p.left) for p in _ARTISTS], pattern)
    n_pairs = choice([len(p.left) * len(p.right) for p in _ARTISTS], pattern)
    pair = F.pmod(number * F.lit(_STRIDE) + F.lit(1009 * (seed % 9973 + 1)), n_pairs)
    lap = F.floor(number / n_pairs)
    name = _spelled(_ARTISTS, pattern, F.pmod(pair, n_left), F.floor(pair / n_left))
    return F.concat(name, F.when(lap > 0, F.concat(F.lit(" "), (lap + 1).cast("string"))).otherwise(F.lit("")))


def title_pattern(row_id: Column, seed: int) -> Column:
    """Return which pattern makes the title."""
    return _owner(_TITLES, below(_slots(_TITLES), seed, "title", row_id))


def title(row_id: Column, pattern: Column, seed: int) -> Column:
    """Return a title: mostly two plain words, and for some 15 tracks in a thousand an odd one."""
    left = F.pmod(bits(seed, "title/left", row_id), choice([len(p.left) for p in _TITLES], pattern))
    right = F.pmod(bits(seed, "title/right", row_id), choice([len(p.right) for p in _TITLES], pattern))
    return _spelled(_TITLES, pattern, left, right)


def appendix(
    row_id: Column,
    seed: int,
    *,
    year: Column,
    is_live: Column,
    hall: Column,
    guest: Column,
    guest_share: Column,
) -> Column:
    """Return what catalogues put behind a title, or nothing."""
    tail = uniform(seed, "appendix", row_id)
    remaster_year = (F.lit(2009) + below(8, seed, "remaster", row_id)).cast("string")
    return (
        F.when(is_live & (tail < 0.5), F.lit(" (Live)"))
        .when(is_live & (tail < 0.8), F.concat(F.lit(" - Live at "), hall))
        .when(tail < guest_share, F.concat(F.lit(" (feat. "), guest, F.lit(")")))
        .when((year < 1990) & (tail > 0.8), F.concat(F.lit(" - Remastered "), remaster_year))
        .when(tail > 0.985, F.lit(" - Radio Edit"))
        .otherwise(F.lit(""))
    )


def concert_hall(artist_code: Column, year: Column, seed: int) -> Column:
    """Return where the artist was recorded in that year."""
    return _word(HALLS, bits(seed, "hall", artist_code, year))


def album_title(artist_code: Column, year: Column, seed: int) -> Column:
    """Return the artist's studio album of that year."""
    first = _word(ADJECTIVES, bits(seed, "album/left", artist_code, year))
    return F.concat_ws(" ", first, _word(PLURALS, bits(seed, "album/right", artist_code, year)))


def _word(words: Sequence[str], number: Column) -> Column:
    return choice(words, F.pmod(number, F.lit(len(words))))


def _slots(patterns: Sequence[Pattern]) -> int:
    return sum(pattern.weight for pattern in patterns)


def _owner(patterns: Sequence[Pattern], slot: Column) -> Column:
    """Return the index of the pattern whose share of the slots holds ``slot``."""
    return choice([i for i, pattern in enumerate(patterns) for _ in range(pattern.weight)], slot)


def _spelled(patterns: Sequence[Pattern], pattern: Column, left: Column, right: Column) -> Column:
    """Return the name with the ``left``-th and ``right``-th word (from 0) of the row's pattern.

    The words of all patterns stand in one list for each side: with a branch for each pattern the generated
    code is so long that the JVM no longer compiles it (measured: three times slower).
    """
    sides = []
    for lists, place in (([p.left for p in patterns], left), ([p.right for p in patterns], right)):
        starts = [sum(map(len, lists[:i])) for i in range(len(lists))]
        sides.append(choice([word for words in lists for word in words], choice(starts, pattern) + place))
    start = choice([p.start for p in patterns], pattern)
    return F.concat(start, sides[0], choice([p.joint for p in patterns], pattern), sides[1])
