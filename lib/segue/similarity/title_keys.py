"""Normalise artists and titles to keys: texts that are equal for all releases of one recording.

For example, "Help! - Remastered 2009" by "The Beatles" has the keys "help" and "beatles". Keys ignore case, accents,
punctuation, a leading "The" of the artist, and release notes. Of tracks with equal keys, ``releases`` decides by their
features whether they are one recording. A release note is in brackets or follows " - ", and

* names guests: "feat. ...", "ft. ...", "featuring ...", "with ..." (the first three also without brackets or dash, up
  to the next bracket or " - ");
* or describes the release: "remaster(ed)", "remastering", "remasterizado", "remasterisé", "mono", "stereo", "deluxe",
  "anniversary", "bonus track", "explicit", "clean", "re-recorded", "demo", "edit", "version", "single", "album",
  "original mix", "extended mix", with any words around it ("2011 Remaster", "Mono / Remastered 2009");
* or describes a performance: "unplugged" with any words around it; "en vivo ...", "ao vivo ...", "en directo ...",
  "dal vivo ..."; or "live" if it stands alone, at the end, or before "at", "in", "from", "on", "version", "session",
  "recording", "performance", "edit" or a year;
* or names a film, show or musical: "from ...".

Remixes, acoustic, instrumental, a cappella and karaoke versions, and covers are other recordings: a note that names one
of these stays in the key. Of several artists, separated by ";", only the first is compared. A title that consists of a
note alone is compared as it is.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

_GUESTS = r"(?:feat|ft|featuring|with)\b.*"
_RELEASE = (
    r".*\b(?:remaster(?:ed|ing|izado|ise)?|mono|stereo|deluxe|anniversary|bonus track|explicit|clean|re-?recorded|demo"
    r"|edit|version|single|album|original mix|extended mix)\b.*"
)
_LIVE = (
    r"(?:.*\b)?live(?:\s+(?:at|in|from|on|version|sessions?|recording|performance|edit|\d{4})\b.*)?|.*\bunplugged\b.*"
    r"|(?:en vivo|ao vivo|en directo|dal vivo)\b.*"
)
_SOURCE = r"from\b.*"
_OTHER_RECORDING = re.compile(r"\b(?:remix(?:ed)?|rmx|acoustic|instrumental|karaoke|cover|a cappella|acapella)\b")
_NOTE = re.compile(f"(?:{_GUESTS}|{_RELEASE}|{_LIVE}|{_SOURCE})")
_BRACKETS = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]")
_UNBRACKETED_GUESTS = re.compile(r"\s(?:feat|ft|featuring)\b\.?\s.*?(?=\s-\s|[(\[]|$)")
_NON_WORD = re.compile(r"[^\w\n]+")
_ASCII_WORDS = str.maketrans(
    {chr(code): " " for code in range(128) if not chr(code).isalnum()} | {"\n": "\n", "'": None}
)


def fold_text(text: str) -> str:
    """Return the text in lower case, without accents.

    >>> fold_text("Beyoncé")
    'beyonce'
    """
    return text.lower() if text.isascii() else _fold_unicode(text)


def fold_texts(texts: Sequence[str]) -> list[str]:
    """Return the texts in lower case, without accents. For speed, non-ASCII texts are joined and converted together."""
    folded = [text.lower() for text in texts]
    positions = [position for position, text in enumerate(texts) if not text.isascii()]
    lines = "\n".join(texts[position] for position in positions)
    if lines.count("\n") == len(positions) - 1:
        folded_lines = _fold_unicode(lines).split("\n")
    else:
        folded_lines = [_fold_unicode(texts[position]) for position in positions]
    for position, line in zip(positions, folded_lines, strict=True):
        folded[position] = line
    return folded


def _fold_unicode(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold())
    accents = [letter for letter in set(parts) if unicodedata.combining(letter)]
    return unicodedata.normalize("NFC", re.sub(f"[{''.join(accents)}]", "", parts) if accents else parts)


def normalise_words(text: str) -> str:
    """Return the words of a text, separated by single spaces, without punctuation, and with "&" as "and".

    ``text`` must be in lower case, without accents, as ``fold_text`` returns it.

    >>> normalise_words("rock & roll, (ain't noise)")
    'rock and roll aint noise'
    """
    return normalise_words_of_all([text])[0]


def normalise_words_of_all(texts: Sequence[str]) -> list[str]:
    """Return the words of each text, separated by single spaces: ["rock & roll!"] gives ["rock and roll"].

    ``texts`` must be in lower case, without accents. For speed, all texts are joined and converted together.
    """
    normalised = [""] * len(texts)
    for is_ascii in (True, False):
        positions = [position for position, text in enumerate(texts) if text.isascii() is is_ascii]
        lines = "\n".join(texts[position] for position in positions)
        if lines.count("\n") >= len(positions):
            # a text contains a line break, the separator of the joined texts
            lines = "\n".join(texts[position].replace("\n", " ") for position in positions)
        lines = lines.replace("&", " and ")
        if is_ascii:
            words = lines.translate(_ASCII_WORDS)
        else:
            words = _NON_WORD.sub(" ", lines.replace("'", "").replace("\u2019", "").replace("_", " "))
        while "  " in words:
            words = words.replace("  ", " ")
        for position, line in zip(positions, words.split("\n"), strict=bool(positions)):
            normalised[position] = line.strip()
    return normalised


def artist_key(artist: str) -> str:
    """Return the key of the first artist: the name in lower case without accents, punctuation and a leading "The".

    >>> artist_key("The Beatles; Billy Preston")
    'beatles'
    """
    return artist_keys([artist])[0]


def artist_keys(artists: Sequence[str]) -> list[str]:
    """Return the ``artist_key`` of each text. For speed, it is computed once per distinct text."""
    distinct = list(dict.fromkeys(artists))
    firsts = fold_texts([artist.split(";", 1)[0] for artist in distinct])
    words = zip(distinct, firsts, normalise_words_of_all(firsts), strict=True)
    keys = {artist: name.removeprefix("the ") or first.strip() for artist, first, name in words}
    return [keys[artist] for artist in artists]


def title_key(title: str) -> str:
    """Return the key of a title: its words without release notes, equal for all releases of a recording.

    >>> [title_key(title) for title in ("Help! - Remastered 2009", "Help! (Live at the BBC) [Mono]", "Help!")]
    ['help', 'help', 'help']
    """
    return title_keys([title])[0]


def title_keys(titles: Sequence[str]) -> list[str]:
    """Return the ``title_key`` of each title."""
    return words_and_keys(titles)[1]


def words_and_keys(titles: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return two lists with one entry per title: the words of the title, and its ``title_key``.

    For "Help! - Remastered 2009" these are "help remastered 2009" and "help".
    """
    folded = fold_texts(titles)
    words = normalise_words_of_all(folded)
    keys = [title_words or title.strip() for title_words, title in zip(words, folded, strict=True)]
    # for speed, the regular expressions run only on titles that may contain a note
    positions = [i for i, title in enumerate(folded) if _has_brackets(title) or " - " in title or _has_guests(title)]
    stripped = normalise_words_of_all([strip_release_notes(folded[position]) for position in positions])
    for position, bare in zip(positions, stripped, strict=True):
        keys[position] = bare or keys[position]
    return words, keys


def strip_release_notes(title: str) -> str:
    """Return a title without release notes such as "(2009 remaster)" or "feat. ...".

    ``title`` must be in lower case, without accents, as ``fold_text`` returns it.
    """
    bare = title
    if _has_brackets(bare):
        bare = _BRACKETS.sub(lambda match: "" if _is_note(match[1]) else match[0], bare)
    if _has_guests(bare):
        bare = _UNBRACKETED_GUESTS.sub("", bare)
    head, dash, tail = bare.rpartition(" - ")
    while dash and head.strip() and _is_note(tail):
        head, dash, tail = head.rpartition(" - ")
    return f"{head}{dash}{tail}"


def _has_brackets(title: str) -> bool:
    return "(" in title or "[" in title


def _has_guests(title: str) -> bool:
    return "feat" in title or "ft" in title


@lru_cache(4096)
def _is_note(part: str) -> bool:
    part = part.strip()
    return bool(_NOTE.fullmatch(part)) and not _OTHER_RECORDING.search(part)
