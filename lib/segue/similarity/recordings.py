"""Which tracks are releases of one recording; no Spark here.

Two tracks are releases of one recording when their first artists and their titles are the same, but for case, accents,
punctuation, a leading "The" of the artist, and notes on the release. A note stands in brackets or behind " - ", and

* names guests: "feat. …", "ft. …", "featuring …", "with …" (the first three also without brackets);
* or says how it was released: "remaster(ed)", "remastering", "mono", "stereo", "deluxe", "anniversary", "bonus track",
  "explicit", "clean", "re-recorded", "demo", "edit", "version", "single", "album", "radio edit", "original mix",
  "extended mix", with whatever stands beside it ("2011 Remaster", "Mono / Remastered 2009");
* or says where it was played: "live", alone, at the end, or before "at", "in", "from", "on", "version", "session",
  "recording", "performance", "edit" or a year, "en vivo …", "ao vivo …"; "unplugged";
* or names what it is the music of: "from …".

A remix, an acoustic or instrumental version, a cover and a karaoke version are other recordings. Of several artists,
joined by ";", the first counts. A title that is nothing but a note keeps it. Where the artist is not known, every track
is a recording of its own, and by an artist of its own.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

_GUESTS = r"(?:feat|ft|featuring|with)\b.*"
_RELEASE = (
    r".*\b(?:remaster(?:ed|ing|izado|isé)?|mono|stereo|deluxe|anniversary|bonus track|explicit|clean|re-?recorded|demo"
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
_OPEN_GUESTS = re.compile(r"\s(?:feat|ft|featuring)\b\.?\s.*$")
_NO_WORD = re.compile(r"[^\w\n]+")
_PLAIN = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()} | {"\n": "\n", "'": None})


def fold_text(text: str) -> str:
    """Return the text in lower case, without accents.

    >>> folded("Beyoncé")
    'beyonce'
    """
    return text.lower() if text.isascii() else _without_accents(text)


def fold_texts(texts: Sequence[str]) -> list[str]:
    """Return ``fold_text`` of each."""
    found = [text.lower() for text in texts]
    others = [at for at, text in enumerate(texts) if not text.isascii()]
    lines = "\n".join(texts[at] for at in others)
    if lines.count("\n") == len(others) - 1:
        plain = _without_accents(lines).split("\n")
    else:
        plain = [_without_accents(texts[at]) for at in others]
    for at, text in zip(others, plain, strict=True):
        found[at] = text
    return found


def _without_accents(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold())
    accents = [letter for letter in set(parts) if unicodedata.combining(letter)]
    return unicodedata.normalize("NFC", re.sub(f"[{''.join(accents)}]", "", parts) if accents else parts)


def normalise_words(text: str) -> str:
    """Return the words of a folded text, one blank between two, "&" read as "and".

    >>> words_of("rock & roll, (ain't noise)")
    'rock and roll aint noise'
    """
    return normalise_words_of_all([text])[0]


def normalise_words_of_all(texts: Sequence[str]) -> list[str]:
    """Return the words of each of many folded texts: in one long text, so that every replacement runs once for all."""
    found = [""] * len(texts)
    for is_plain in (True, False):
        some = [at for at, text in enumerate(texts) if text.isascii() is is_plain]
        lines = "\n".join(texts[at] for at in some)
        if lines.count("\n") >= len(some):  # no other sign ends a line here
            lines = "\n".join(texts[at].replace("\n", " ") for at in some)
        lines = lines.replace("&", " and ")
        if is_plain:
            words = lines.translate(_PLAIN)
        else:
            words = _NO_WORD.sub(" ", lines.replace("'", "").replace("\u2019", "").replace("_", " "))
        while "  " in words:
            words = words.replace("  ", " ")
        for at, line in zip(some, words.split("\n"), strict=bool(some)):
            found[at] = line.strip()
    return found


def artist_key(artist: str) -> str:
    """Return what is the same for every spelling of the first of the artists.

    >>> artist_key("The Beatles; Billy Preston")
    'beatles'
    """
    return artist_keys([artist])[0]


def artist_keys(artists: Sequence[str]) -> list[str]:
    """Return ``artist_key`` of each."""
    known = list(dict.fromkeys(artists))  # most have several tracks
    firsts = fold_texts([artist.split(";", 1)[0] for artist in known])
    words = zip(known, firsts, normalise_words_of_all(firsts), strict=True)
    keys = {artist: name.removeprefix("the ") or first.strip() for artist, first, name in words}
    return [keys[artist] for artist in artists]


def title_key(title: str) -> str:
    """Return what is the same for every release of a recording.

    >>> [title_key(title) for title in ("Help! - Remastered 2009", "Help! (Live at the BBC) [Mono]", "Help!")]
    ['help', 'help', 'help']
    """
    return title_keys([title])[0]


def title_keys(titles: Sequence[str]) -> list[str]:
    """Return ``title_key`` of each."""
    return words_and_keys(titles)[1]


def words_and_keys(titles: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return of each title its words, as ``words_of(folded(title))`` has them, and its ``title_key``."""
    wholes = fold_texts(titles)
    words = normalise_words_of_all(wholes)
    keys = [known or whole.strip() for known, whole in zip(words, wholes, strict=True)]
    # most titles have no note
    noted = [at for at, whole in enumerate(wholes) if _has_brackets(whole) or " - " in whole or _has_guests(whole)]
    for at, bare in zip(noted, normalise_words_of_all([strip_release_notes(wholes[at]) for at in noted]), strict=True):
        keys[at] = bare or keys[at]
    return words, keys


def strip_release_notes(title: str) -> str:
    """Return a folded title without the notes on its release."""
    bare = title
    if _has_brackets(bare):
        bare = _BRACKETS.sub(lambda part: "" if _is_note(part[1]) else part[0], bare)
    if _has_guests(bare):
        bare = _OPEN_GUESTS.sub("", bare)
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
