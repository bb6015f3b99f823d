"""Which track is meant: a title as people type it against the titles of a catalogue; no Spark here.

Case, accents, punctuation, notes on the release and a leading "The" do not count. A track is scored from 0 to 100:
100 where the text is its id, its title, or its title and artist in either order; 95 where it is part of the title, in
whole words; and else by how few letters must be changed (rapidfuzz's ratio) to make it the title, or title and artist.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from segue.similarity.recordings import artist_key, artist_keys, fold_text, normalise_words, title_key, words_and_keys

EXACT, PART, SURE, LEAST = 100.0, 95.0, 85.0, 65.0
_LEAD = 5.0
"""A hit that is not exact is taken for what was meant when it is nearly so and no other recording comes so near."""
_MOST = 200


@dataclass(frozen=True, slots=True)
class TitleMatch:
    """One recording that may be meant: its most popular release."""

    index: int
    score: float


class Titles:
    """The titles of a catalogue, ready to be searched."""

    def __init__(
        self, ids: Sequence[str], titles: Sequence[str], artists: Sequence[str], popularity: Sequence[float | None]
    ) -> None:
        self._ids, self._titles, self._artists, self._popularity = ids, titles, artists, popularity
        self._words, self._bare = words_and_keys(titles)

    def search(self, text: str) -> list[TitleMatch]:
        """Return the recordings that may be meant, the likeliest first; popular ones before others."""
        if text in self._ids:
            return [TitleMatch(self._ids.index(text), EXACT)]
        scores = self._exact(text) or self._near(text)
        best: dict[tuple[str, str], TitleMatch] = {}
        for index, score in scores.items():
            name = (artist_key(self._artists[index]), self._bare[index])
            if name not in best or self._rank(TitleMatch(index, score)) < self._rank(best[name]):
                best[name] = TitleMatch(index, score)
        return sorted(best.values(), key=self._rank)

    def _rank(self, hit: TitleMatch) -> tuple[float, float, str]:
        return (-hit.score, -(self._popularity[hit.index] or 0.0), self._ids[hit.index])

    def _exact(self, text: str) -> dict[int, float]:
        """Return the tracks of this title; where an artist is named too, those by the artist."""
        whole, bare = normalise_words(fold_text(text)), title_key(text)
        found = {i: EXACT for i, (w, b) in enumerate(zip(self._words, self._bare, strict=True)) if whole in (w, b)}
        parts = [part for part in text.split(" - ") if part.strip()]
        for at in range(1, len(parts)):
            halves = " - ".join(parts[:at]), " - ".join(parts[at:])
            for title, artist in (halves, halves[::-1]):
                found |= self._by(title_key(title), artist)
        return found or {i: EXACT for i, b in enumerate(self._bare) if b == bare}

    def _by(self, title: str, artist: str) -> dict[int, float]:
        wanted = artist_key(artist)
        return {
            index: EXACT
            for index, bare in enumerate(self._bare)
            if bare == title and wanted in [artist_key(one) for one in self._artists[index].split(";")]
        }

    def _near(self, text: str) -> dict[int, float]:
        wanted = normalise_words(fold_text(text))
        if not wanted:
            return {}
        found = {i: PART for i, words in enumerate(self._words) if f" {wanted} " in f" {words} "}
        both = [f"{bare} {artist}" for bare, artist in zip(self._bare, artist_keys(self._artists), strict=True)]
        for scorer, choices in ((fuzz.ratio, self._bare), (fuzz.ratio, both), (fuzz.token_sort_ratio, both)):
            for _, score, index in process.extract(
                wanted, choices, scorer=scorer, score_cutoff=LEAST, limit=_MOST, processor=None
            ):
                exact = scorer is fuzz.token_sort_ratio and score == EXACT
                found[index] = max(found.get(index, 0.0), EXACT if exact else min(score, PART - 1))
        return found


def best_match(hits: Sequence[TitleMatch]) -> TitleMatch | None:
    """Return the one hit that is certainly meant, if there is one."""
    if not hits:
        return None
    first, second = hits[0], hits[1].score if len(hits) > 1 else 0.0
    is_meant = first.score == EXACT > second or (first.score >= SURE and first.score - second >= _LEAD)
    return first if is_meant else None
