"""What the numbers say, in sentences that are computed from them; no Spark here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from segue import schema
from segue.clustering.descriptions import WORDS
from segue.report import feature_labels
from segue.report.numbers import Agreement, Correlations, ReportNumbers, Years

_COMPARED = {
    "bpm": ("faster", "slower"),
    "loudness": ("louder", "quieter"),
    "energy": ("more energetic", "less energetic"),
    "danceability": ("more danceable", "less danceable"),
    "liveness": ("more often live", "less often live"),
    "valence": ("more cheerful", "more sombre"),
    "acousticness": ("more acoustic", "less acoustic"),
    "speechiness": ("wordier", "less wordy"),
    "instrumentalness": ("more instrumental", "less instrumental"),
    "duration_s": ("longer", "shorter"),
    "popularity": ("more popular", "less popular"),
    "year": ("newer", "older"),
}
_SUBJECTS = {name: high for name, (high, _) in WORDS.items()} | {"popularity": "popular", "year": "newer"}
FEWEST = 20
"""Tracks: of fewer nothing is said."""
_SURE = 1.959963984540054  # of a normal deviate: 95 % lie within


@dataclass(frozen=True, slots=True)
class Relation:
    """Pearson's r of two features, and the interval that holds the true one with 95 % confidence (Fisher's z)."""

    one: str
    other: str
    r: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the two are related at all, and enough to speak of."""
        return abs(self.r) >= 0.1 and self.low * self.high > 0

    @property
    def is_absent(self) -> bool:
        """Whether the tracks are enough to say that the two hardly go together."""
        return not self.is_clear and max(-self.low, self.high) < 0.3


def relation(found: Correlations, one: str, other: str) -> Relation | None:
    """Return how two features go together, or None where the tracks do not tell."""
    if one not in found.names or other not in found.names:
        return None
    i, j = found.names.index(one), found.names.index(other)
    r, n = float(found.r[i, j]), int(found.n[i, j])
    if math.isnan(r) or n < FEWEST:
        return None
    z, half = math.atanh(max(-1 + 1e-12, min(1 - 1e-12, r))), _SURE / math.sqrt(n - 3)
    return Relation(one, other, r, math.tanh(z - half), math.tanh(z + half))


def sentence(found: Relation) -> str:
    """Return what a relation says.

    >>> sentence(Relation("energy", "acousticness", -0.67, -0.69, -0.64))
    'Energetic tracks are clearly less acoustic (r = −0.67, with 95 % confidence −0.69 to −0.64).'
    """
    subject = _SUBJECTS[found.one].capitalize()
    if found.is_absent:
        return f"{subject} tracks are hardly more or less {_plain(found.other)} than others ({_figures(found)})."
    if not found.is_clear:
        asked = f"{subject.lower()} tracks are more or less {_plain(found.other)}"
        return f"Whether {asked} cannot be told from so few tracks ({_figures(found)})."
    strength = "are clearly" if abs(found.r) >= 0.5 else "tend to be" if abs(found.r) >= 0.3 else "are slightly"
    return f"{subject} tracks {strength} {_COMPARED[found.other][found.r < 0]} ({_figures(found)})."


def _plain(name: str) -> str:
    return _SUBJECTS[name].replace("newer", "new")


def _figures(found: Relation) -> str:
    r, low, high = map(feature_labels.format_signed, (found.r, found.low, found.high))
    return f"r = {r}, with 95 % confidence {low} to {high}"


def strongest(found: Correlations, most: int = 3) -> list[Relation]:
    """Return the pairs of audio features that go together most, the strongest first."""
    names = [name for name in schema.FEATURE_NAMES if name in found.names]
    pairs = [relation(found, one, other) for one, other in combinations(names, 2)]
    clear = [pair for pair in pairs if pair and pair.is_clear]
    return sorted(clear, key=lambda pair: (-abs(pair.r), pair.one, pair.other))[:most]


def correlation_title(found: Correlations) -> str:
    """Return the heading of the correlations: what the strongest says."""
    best = strongest(found, 1)
    if not best:
        pairs = [relation(found, one, other) for one, other in combinations(schema.FEATURE_NAMES, 2)]
        known = [pair for pair in pairs if pair]
        return "No two features go together" if known and all(pair.is_absent for pair in known) else "The features"
    subject = _SUBJECTS[best[0].one].capitalize()
    return f"{subject} tracks are {_COMPARED[best[0].other][best[0].r < 0]}"


def correlation_sentences(found: Correlations) -> list[str]:
    """Return the strongest pairs, and two that people ask for: energy and acousticness, danceability and valence."""
    pairs = strongest(found)
    told = {frozenset((pair.one, pair.other)) for pair in pairs}
    for one, other in (("energy", "acousticness"), ("valence", "danceability")):
        asked = relation(found, one, other)
        if asked and frozenset((one, other)) not in told:
            pairs.append(asked)
    return [sentence(pair) for pair in pairs]


def popularity_sentences(found: Correlations) -> list[str]:
    """Return what goes with popularity, the strongest first; that nothing does, if so; nothing where none can tell."""
    pairs = [relation(found, "popularity", name) for name in (*schema.FEATURE_NAMES, "year")]
    known = sorted((pair for pair in pairs if pair), key=lambda pair: -abs(pair.r))
    if not known:
        return []
    clear = [sentence(pair) for pair in known[:3] if pair.is_clear]
    if clear or not known[0].is_absent:
        return clear
    best = feature_labels.NAMES[known[0].other]
    return [f"Nothing here goes with popularity: the nearest is {best} ({_figures(known[0])})."]


def year_sentence(years: Years | None, found: Correlations) -> str | None:
    """Return which feature has changed most over the years, and from what to what."""
    pairs = [relation(found, "year", name) for name in schema.FEATURE_NAMES]
    known = sorted((pair for pair in pairs if pair), key=lambda pair: -abs(pair.r))
    if years is None or not known:
        return None
    best = known[0]
    if not best.is_clear and not best.is_absent:
        return None
    if not best.is_clear:
        return f"Tracks of all years sound alike: the nearest to a change is in {feature_labels.NAMES[best.other]}."
    first, last = _ends(years, best.other)
    # the ends are two decades of many, and may go against the whole
    if first is None or last is None or (last[1] - first[1]) * best.r <= 0:
        return sentence(best)
    before, after = (feature_labels.format_value(best.other, mean) for _, mean in (first, last))
    return (
        f"Newer tracks are {_COMPARED[best.other][best.r < 0]}: on average {before} in the "
        f"{first[0]}s and {after} in the {last[0]}s ({_figures(best)})."
    )


def _ends(years: Years, name: str) -> tuple[tuple[int, float] | None, tuple[int, float] | None]:
    """Return the first and the last decade with enough tracks, with their means."""
    sums: dict[int, tuple[int, float]] = {}
    for year, count, mean in zip(years.years, years.counts, years.means[name], strict=True):
        if mean is not None:
            n, total = sums.get(year // 10 * 10, (0, 0.0))
            sums[year // 10 * 10] = n + count, total + count * mean
    means = [(decade, total / n) for decade, (n, total) in sorted(sums.items()) if n >= FEWEST]
    return (means[0], means[-1]) if len(means) > 1 else (None, None)


def headline(k: int) -> str:
    """Return the page's own heading.

    >>> headline(10)
    'Ten ways your catalogue sounds'
    """
    return f"{feature_labels.spell_number(k).capitalize()} ways your catalogue sounds"


def lead(found: ReportNumbers) -> str:
    """Return one sentence on the whole: the largest cluster and the smallest."""
    clusters = sorted((c for c in found.clusters if c.n_tracks), key=lambda c: (-c.n_tracks, c.number))
    if len(clusters) < 2:
        return f"All {found.n_tracks:,} tracks sound alike."
    first, last = clusters[0], clusters[-1]
    return (
        f"The largest group, {percent(first.n_tracks / found.n_tracks)} of all tracks, is {first.words}; "
        f"the smallest, {percent(last.n_tracks / found.n_tracks)}, is {last.words}."
    )


def percent(share: float) -> str:
    """Return a share without false decimals.

    >>> percent(0.168), percent(0.004), percent(0.0)
    ('17 %', 'less than 1 %', '0 %')
    """
    text = f"{100 * share:.0f} %"
    if text == "0 %" and share > 0:
        return "less than 1 %"
    return "more than 99 %" if text == "100 %" and share < 1 else text


def silhouette_word(value: float) -> str:
    """Return a judgement of a mean silhouette, by the limits of Kaufman and Rousseeuw (1990): .25, .5 and .7."""
    return "faint" if value < 0.25 else "fair" if value < 0.5 else "good" if value < 0.7 else "strong"


def choice_sentence(found: ReportNumbers, rule: str) -> str:
    """Return why this number of clusters."""
    ks = [score.k for score in found.scores]
    chosen = next(score for score in found.scores if score.k == found.chosen)
    tried = f", of {min(ks)} to {max(ks)} that were tried" if len(ks) > 1 else ""
    best = max(found.scores, key=lambda score: score.silhouette)
    told = {
        "fixed": f"The settings ask for {found.chosen} clusters",
        "knee": f"Beyond {found.chosen} clusters more of them gain little: there inertia has its knee",
        "stable": f"{found.chosen} is the largest number of clusters that random halves of the catalogue agree on",
    }.get(rule, f"{found.chosen} clusters hold together best among those numbers that say something about music")
    end = f", with a silhouette of {chosen.silhouette:.2f}"
    if best.k != found.chosen:
        end += f" (the best of all, {best.silhouette:.2f}, has {best.k})"
    return f"{told}{tried}{end}."


def agreement_sentences(found: Agreement) -> list[str]:
    """Return what agreement with genres means here."""
    word = (
        "hardly follow" if found.nmi < 0.1 else "loosely follow" if found.nmi < 0.3 else
        "partly follow" if found.nmi < 0.6 else "largely follow"
    )  # fmt: skip
    return [
        f"The clusters {word} the genres: to know a track's cluster tells {percent(found.nmi)} of what its genre "
        f"would (normalised mutual information {found.nmi:.2f}).",
        f"If each cluster were named after its commonest genre, {percent(found.purity)} of the tracks would be right "
        f"(purity); beyond chance two tracks are sorted alike by both in {percent(max(found.ari, 0.0))} of the cases "
        f"(adjusted Rand index {feature_labels.format_signed(found.ari)}).",
    ]


def loading_sentence(loadings: Sequence[tuple[str, float]], end: str) -> str:
    """Return what a direction of the map stands for.

    >>> loading_sentence([("acousticness", 0.9), ("energy", -0.4), ("bpm", 0.1)], "right")
    'Farther right: more acoustic, less energetic.'
    """
    known = sorted(loadings, key=lambda item: -abs(item[1]))[:2]
    told = [_COMPARED[name][weight < 0] for name, weight in known if abs(weight) >= 0.2]
    return f"Farther {end}: {', '.join(told)}." if told else ""
