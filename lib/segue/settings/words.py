"""Validate and expand the setting ``label.words``: replacements for the words in descriptions of clusters.

The setting is a table with these entries, all optional:

* A feature, such as ``bpm``: a table with ``high`` or ``low`` or both, the words for a mean above and below the mean of
  all tracks. Each is one text, or a list of three texts for a slight, a notable and an extreme deviation.
* ``slight`` and ``extreme``: patterns with ``{}`` for the words given as one text. If ``extreme`` is "very {}", the
  text "fast" becomes "very fast" for an extreme deviation.
* Each name in ``SENTENCES``: a text for one fixed phrase. For example, the text for ``mid_tempo`` replaces the phrase
  "mid-tempo".
"""

from collections.abc import Mapping
from typing import Any

from segue.schema import FEATURE_NAMES

DIRECTIONS = ("high", "low")
PATTERNS = {"slight": "fairly {}", "extreme": "very {}"}
"""The defaults of the entries ``slight`` and ``extreme``."""
SENTENCES = ("mid_tempo", "otherwise_average", "otherwise_mixed", "average")
EXPECTED = 'a table of features and their words, such as { bpm = { high = "schnell", low = "langsam" } }'
N_STRENGTHS = 3
Words = Mapping[str, Any]


def expand(words: Words) -> dict[tuple[str, str], tuple[str, str, str]]:
    """Return a dict from (feature, ``high`` or ``low``) to three phrases: slight, notable and extreme.

    ``words`` must be valid (see ``faults``). Features without words are absent.

    >>> expand({"bpm": {"high": "schnell"}, "slight": "eher {}", "extreme": "sehr {}"})
    {('bpm', 'high'): ('eher schnell', 'schnell', 'sehr schnell')}
    """
    slight, extreme = (words.get(name, pattern) for name, pattern in PATTERNS.items())
    phrases: dict[tuple[str, str], tuple[str, str, str]] = {}
    for name in FEATURE_NAMES:
        for direction, word in words.get(name, {}).items():
            listed = (slight.replace("{}", word), word, extreme.replace("{}", word)) if isinstance(word, str) else word
            phrases[name, direction] = (listed[0], listed[1], listed[2])
    return phrases


def faults(words: Words) -> list[str]:
    """Validate ``words``, the value of ``label.words``; return a list of error messages, empty if it is valid."""
    known = (*FEATURE_NAMES, *PATTERNS, *SENTENCES)
    unknown = [name for name in words if name not in known]
    problems = [f"label.words names {', '.join(unknown)}, expected only {', '.join(known)}"] if unknown else []
    for name, value in words.items():
        if name in SENTENCES and not _is_text(value):
            problems.append(f"label.words.{name} is {value!r}, expected a text")
        if name in PATTERNS and not (_is_text(value) and value.count("{}") == 1):
            problems.append(f"label.words.{name} is {value!r}, expected a text with {{}}, such as {PATTERNS[name]!r}")
        if name in FEATURE_NAMES and not _are_directions(value):
            problems.append(
                f"label.words.{name} is {value!r}, expected a table of high and low, each a text or a list of three"
            )
    return problems or _repetitions(words)


def _repetitions(words: Words) -> list[str]:
    """Return an error message for each text with several meanings in ``words``, such as "loud" for bpm and loudness.

    With equal texts, different clusters could get equal descriptions.
    """
    meanings: dict[str, list[str]] = {}
    for (name, direction), phrases in expand(words).items():
        for phrase in phrases:
            meanings.setdefault(phrase, []).append(f"{name}.{direction}")
    for name in SENTENCES:
        if name in words:
            meanings.setdefault(words[name], []).append(name)
    return [
        f"label.words gives {phrase!r} to {' and '.join(names)}, expected different texts"
        for phrase, names in meanings.items()
        if len(names) > 1
    ]


def _are_directions(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        direction in DIRECTIONS
        and (
            _is_text(word) or (isinstance(word, list | tuple) and len(word) == N_STRENGTHS and all(map(_is_text, word)))
        )
        for direction, word in value.items()
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
