"""Search the tracks of a catalogue by a typed text: a title, "title - artist", or a track id.

Case, accents and punctuation of titles and artists are ignored. A track with the typed id or title has score 100. So
has a track with the typed title and artist, in either order, joined by " - ". Notes in titles, such as "Remastered
2009", and a leading "The" of the artist are ignored too.

If there is no such track, all tracks are scored by similarity:

* 100: the text has the same words as title and artist together, in any order;
* 95: the text is a part of the title, in whole words;
* 65 to 94: the similarity of the text to the title, or to title and artist. It is the maximum of several measures of
  rapidfuzz (``ratio``, ``token_sort_ratio``).

A search costs O(n_tracks).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from segue.similarity.title_keys import artist_key, artist_keys, fold_text, normalise_words, title_key, words_and_keys

EXACT_SCORE, PART_SCORE, MIN_BEST_SCORE, MIN_SCORE = 100.0, 95.0, 85.0, 65.0
_MIN_LEAD = 5.0
"""Minimum difference of the two best scores in an unambiguous search, see ``best_match``."""
_MAX_MATCHES = 200
"""Maximum number of tracks returned by each measure of similarity."""


@dataclass(frozen=True, slots=True)
class TitleMatch:
    """A recording that matches a typed text, given as one of its tracks.

    A recording is a title by an artist; each of its releases is a track. The track with the highest score is used. On a
    tie, the most popular track is used, then the one with the smallest id.
    """

    index: int
    """Position of the track in the catalogue."""
    score: float
    """Score of the track, 65 to 100, by the rules in the module's docstring."""


class TitleIndex:
    """Finds tracks of a catalogue by a typed text.

    Parameters
    ----------
    ids, titles, artists, popularity : columns of the catalogue, each with one entry per track
        An artist or a popularity may be None.
    """

    def __init__(
        self,
        ids: Sequence[str],
        titles: Sequence[str],
        artists: Sequence[str | None],
        popularity: Sequence[float | None],
    ) -> None:
        self._ids, self._popularity = ids, popularity
        self._artists = [artist or "" for artist in artists]
        self._words, self._keys = words_and_keys(titles)

    def search(self, text: str) -> list[TitleMatch]:
        """Return the recordings that match a text, highest score first. O(n_tracks).

        Equal scores are sorted by descending popularity, then by id. The list is empty if nothing matches.
        """
        if text in self._ids:
            return [TitleMatch(self._ids.index(text), EXACT_SCORE)]
        scores = self._exact(text) or self._similar(text)
        best: dict[tuple[str, str], TitleMatch] = {}
        for index, score in scores.items():
            # an unknown artist is replaced by the track's id: otherwise tracks of one title would be one recording
            recording = (artist_key(self._artists[index]) or self._ids[index], self._keys[index])
            if recording not in best or self._rank(TitleMatch(index, score)) < self._rank(best[recording]):
                best[recording] = TitleMatch(index, score)
        return sorted(best.values(), key=self._rank)

    def _rank(self, match: TitleMatch) -> tuple[float, float, str]:
        """Return a sort key: higher scores first, then higher popularity, then smaller ids."""
        return (-match.score, -(self._popularity[match.index] or 0.0), self._ids[match.index])

    def _exact(self, text: str) -> dict[int, float]:
        """Find the tracks with exactly the typed title, or title and artist: a dict from position to score (100).

        Title and artist may be in either order, joined by " - ".
        """
        words, key = normalise_words(fold_text(text)), title_key(text)
        pairs = zip(self._words, self._keys, strict=True)
        scores = {index: EXACT_SCORE for index, pair in enumerate(pairs) if words in pair}
        parts = [part for part in text.split(" - ") if part.strip()]
        for cut in range(1, len(parts)):
            first, second = " - ".join(parts[:cut]), " - ".join(parts[cut:])
            for title, artist in ((first, second), (second, first)):
                scores |= self._by_artist(title_key(title), artist)
        return scores or {index: EXACT_SCORE for index, other in enumerate(self._keys) if other == key}

    def _by_artist(self, key: str, artist: str) -> dict[int, float]:
        """Find the tracks with a given title and artist: a dict from position to score (100).

        Parameters
        ----------
        key : result of ``title_keys.title_key`` for the title
        artist : name of one artist; it also matches tracks by several artists, such as "Queen;David Bowie"
        """
        name = artist_key(artist)
        return {
            index: EXACT_SCORE
            for index, other in enumerate(self._keys)
            if other == key and name in [artist_key(part) for part in self._artists[index].split(";")]
        }

    def _similar(self, text: str) -> dict[int, float]:
        """Return the tracks most similar to ``text``: a dict from position to score (65 to 100).

        The module's docstring has the rules. Each measure of rapidfuzz contributes at most ``_MAX_MATCHES`` tracks.
        """
        query = normalise_words(fold_text(text))
        if not query:
            return {}
        scores = {index: PART_SCORE for index, words in enumerate(self._words) if f" {query} " in f" {words} "}
        both = [f"{key} {artist}" for key, artist in zip(self._keys, artist_keys(self._artists), strict=True)]
        for scorer, choices in ((fuzz.ratio, self._keys), (fuzz.ratio, both), (fuzz.token_sort_ratio, both)):
            for _, ratio, index in process.extract(
                query, choices, scorer=scorer, score_cutoff=MIN_SCORE, limit=_MAX_MATCHES, processor=None
            ):
                is_exact = scorer is fuzz.token_sort_ratio and ratio == EXACT_SCORE
                score = EXACT_SCORE if is_exact else min(ratio, PART_SCORE - 1)
                scores[index] = max(scores.get(index, 0.0), score)
        return scores


def best_match(matches: Sequence[TitleMatch]) -> TitleMatch | None:
    """Return the first match if the search is unambiguous, else None.

    A search is unambiguous if only the first match has score 100. It is also unambiguous if the first score is at least
    ``MIN_BEST_SCORE``, and at least ``_MIN_LEAD`` above the second, if there is one.

    Parameters
    ----------
    matches : result of ``TitleIndex.search``
    """
    if not matches:
        return None
    first, second = matches[0], matches[1].score if len(matches) > 1 else 0.0
    is_only_exact = first.score == EXACT_SCORE > second
    is_clear = first.score >= MIN_BEST_SCORE and first.score - second >= _MIN_LEAD
    return first if is_only_exact or is_clear else None
