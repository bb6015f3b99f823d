"""Write the sentences of the report, from its numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from segue import schema
from segue.clustering.descriptions import WORDS
from segue.report import feature_labels
from segue.report.numbers import Agreement, Correlations, ReportNumbers, Years

_COMPARATIVES = {
    "bpm": ("faster", "slower"),
    "loudness": ("louder", "quieter"),
    "energy": ("more energetic", "less energetic"),
    "danceability": ("more danceable", "less danceable"),
    "liveness": ("more often live", "less often live"),
    "valence": ("more cheerful", "more sombre"),
    "acousticness": ("more acoustic", "less acoustic"),
    "speechiness": ("richer in speech", "poorer in speech"),
    "instrumentalness": ("more instrumental", "less instrumental"),
    "duration_s": ("longer", "shorter"),
    "popularity": ("more popular", "less popular"),
    "year": ("newer", "older"),
}
"""Two comparatives per feature: for higher values, and for lower values."""
_ADJECTIVES = {name: high for name, (high, _) in WORDS.items()} | {"popularity": "popular", "year": "newer"}
MIN_TRACKS = 20
"""Minimum number of tracks to report a correlation, or the mean of a decade."""
_NORMAL_975 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""
_MIN_LOADING = 0.2
"""``loading_sentence`` names features with at least this absolute weight in an axis of the map."""


@dataclass(frozen=True, slots=True)
class PairCorrelation:
    """Pearson's correlation ``r`` of two features, with its 95 % confidence interval from ``low`` to ``high``."""

    one: str
    other: str
    r: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the correlation is large enough to report: |r| is at least 0.1, and the interval excludes 0."""
        return abs(self.r) >= 0.1 and self.low * self.high > 0

    @property
    def is_negligible(self) -> bool:
        """Whether the correlation is close to 0: not ``is_clear``, and the interval lies between -0.3 and 0.3."""
        return not self.is_clear and max(-self.low, self.high) < 0.3


def pair_correlation(correlations: Correlations, one: str, other: str) -> PairCorrelation | None:
    """Return the PairCorrelation of two features, with a confidence interval by Fisher's z.

    Returns None if ``correlations`` lacks a feature, if r is NaN, or if fewer than ``MIN_TRACKS`` tracks have both
    features.

    References
    ----------
    R. A. Fisher (1921), "On the 'probable error' of a coefficient of correlation deduced from a small sample",
    Metron 1, 3-32: atanh(r) is about normal with standard deviation 1 / sqrt(n - 3).
    """
    if one not in correlations.names or other not in correlations.names:
        return None
    i, j = correlations.names.index(one), correlations.names.index(other)
    r, n = float(correlations.r[i, j]), int(correlations.n_tracks[i, j])
    if math.isnan(r) or n < MIN_TRACKS:
        return None
    z, margin = math.atanh(max(-1 + 1e-12, min(1 - 1e-12, r))), _NORMAL_975 / math.sqrt(n - 3)
    return PairCorrelation(one, other, r, math.tanh(z - margin), math.tanh(z + margin))


def pair_sentence(pair: PairCorrelation) -> str:
    """Describe the correlation of two features in a sentence about tracks with a high value of the first.

    >>> pair_sentence(PairCorrelation("energy", "acousticness", -0.67, -0.69, -0.64))
    'Energetic tracks are clearly less acoustic (r = −0.67, with 95 % confidence −0.69 to −0.64).'
    """
    adjective = _ADJECTIVES[pair.one].capitalize()
    if pair.is_negligible:
        return f"{adjective} tracks are hardly more or less {_positive(pair.other)} than others ({_interval(pair)})."
    if not pair.is_clear:
        question = f"whether {adjective.lower()} tracks are more or less {_positive(pair.other)}"
        return f"Too few tracks to say {question} ({_interval(pair)})."
    strength = "are clearly" if abs(pair.r) >= 0.5 else "tend to be" if abs(pair.r) >= 0.3 else "are slightly"
    return f"{adjective} tracks {strength} {_comparative(pair)} ({_interval(pair)})."


def _positive(name: str) -> str:
    """Return the adjective for a high value of a feature: "acoustic" for ``acousticness``."""
    return _ADJECTIVES[name].replace("newer", "new")


def _comparative(pair: PairCorrelation) -> str:
    """Return how tracks with a high first feature differ in the second feature: "less acoustic"."""
    return _COMPARATIVES[pair.other][pair.r < 0]


def _interval(pair: PairCorrelation) -> str:
    """Return r and its confidence interval as text, such as "r = −0.67, with 95 % confidence −0.69 to −0.64"."""
    r, low, high = map(feature_labels.format_signed, (pair.r, pair.low, pair.high))
    return f"r = {r}, with 95 % confidence {low} to {high}"


def strongest_pairs(correlations: Correlations, limit: int = 3) -> list[PairCorrelation]:
    """Return the pairs of audio features with the largest |r|, at most ``limit``, largest first.

    Only pairs with a clear correlation (``PairCorrelation.is_clear``) are returned.
    """
    pairs = (pair for pair in _feature_pairs(correlations) if pair.is_clear)
    return sorted(pairs, key=lambda pair: (-abs(pair.r), pair.one, pair.other))[:limit]


def _feature_pairs(correlations: Correlations) -> list[PairCorrelation]:
    """Return the PairCorrelation of every pair of audio features.

    A pair is left out if too few tracks have both, or if one is constant (``pair_correlation`` is None).
    """
    pairs = [pair_correlation(correlations, one, other) for one, other in combinations(schema.FEATURE_NAMES, 2)]
    return [pair for pair in pairs if pair]


def _pairs_with(correlations: Correlations, name: str, others: Sequence[str]) -> list[PairCorrelation]:
    """Return the PairCorrelation of ``name`` with each of ``others``, the largest |r| first.

    A pair is left out if too few tracks have both, or if one is constant (``pair_correlation`` is None).
    """
    pairs = [pair_correlation(correlations, name, other) for other in others]
    return sorted((pair for pair in pairs if pair), key=lambda pair: -abs(pair.r))


def correlation_title(correlations: Correlations) -> str:
    """Return the heading of the section on correlations, such as "Energetic tracks are less acoustic".

    The heading names the strongest clear correlation. If none is clear, the heading is "No two features are
    correlated", or "The features" if there are too few tracks for this statement.
    """
    best = strongest_pairs(correlations, 1)
    if not best:
        pairs = _feature_pairs(correlations)
        all_negligible = pairs and all(pair.is_negligible for pair in pairs)
        return "No two features are correlated" if all_negligible else "The features"
    return f"{_ADJECTIVES[best[0].one].capitalize()} tracks are {_comparative(best[0])}"


def correlation_sentences(correlations: Correlations) -> list[str]:
    """Return sentences on the correlations of pairs of features, one sentence for each pair.

    The pairs are the three with the strongest clear correlations (``PairCorrelation.is_clear``), and always energy with
    acousticness and valence with danceability. A pair is left out if too few tracks have both features.
    """
    pairs = strongest_pairs(correlations)
    listed = {frozenset((pair.one, pair.other)) for pair in pairs}
    for one, other in (("energy", "acousticness"), ("valence", "danceability")):
        pair = pair_correlation(correlations, one, other)
        if pair and frozenset((one, other)) not in listed:
            pairs.append(pair)
    return [pair_sentence(pair) for pair in pairs]


def popularity_sentences(correlations: Correlations) -> list[str]:
    """Return sentences on the correlations of features with popularity, at most three.

    There is one sentence for each clear correlation (``PairCorrelation.is_clear``) among the three strongest. If none
    is clear, the only sentence says that no feature is correlated with popularity. With too few tracks for this
    statement, the list is empty.
    """
    pairs = _pairs_with(correlations, "popularity", (*schema.FEATURE_NAMES, "year"))
    if not pairs:
        return []
    clear = [pair_sentence(pair) for pair in pairs[:3] if pair.is_clear]
    if clear or not pairs[0].is_negligible:
        return clear
    best = feature_labels.NAMES[pairs[0].other]
    return [f"No feature is correlated with popularity: the strongest is {best} ({_interval(pairs[0])})."]


def year_sentence(years: Years | None, correlations: Correlations) -> str | None:
    """Return a sentence on the feature most correlated with the year of release; None if nothing can be said.

    An example is "Newer tracks are louder: on average −11.0 dB in the 1960s and −7.0 dB in the 2010s (r = …)". The
    decades are left out if their means contradict the correlation, or if there are fewer than two. If no feature is
    correlated with the year, the sentence begins "No feature changes much". The result is None without years, or with
    too few tracks.
    """
    pairs = _pairs_with(correlations, "year", schema.FEATURE_NAMES)
    if years is None or not pairs:
        return None
    best = pairs[0]
    if not best.is_clear and not best.is_negligible:
        return None
    if not best.is_clear:
        return f"No feature changes much over the years: the largest change is in {feature_labels.NAMES[best.other]}."
    first, last = _first_and_last_decade(years, best.other)
    # if the means of the two decades contradict the correlation over all years, only the correlation is given
    if first is None or last is None or (last[1] - first[1]) * best.r <= 0:
        return pair_sentence(best)
    before, after = (feature_labels.format_value(best.other, mean) for _, mean in (first, last))
    return (
        f"Newer tracks are {_comparative(best)}: on average {before} in the "
        f"{first[0]}s and {after} in the {last[0]}s ({_interval(best)})."
    )


def _first_and_last_decade(years: Years, name: str) -> tuple[tuple[int, float] | None, tuple[int, float] | None]:
    """Return the mean of a feature in the first and in the last decade: ((1960, 0.41), (2010, 0.67)).

    Decades of fewer than ``MIN_TRACKS`` tracks are left out. Returns (None, None) if fewer than two decades remain.
    """
    sums: dict[int, tuple[int, float]] = {}
    for year, count, mean in zip(years.years, years.counts, years.means[name], strict=True):
        if mean is not None:
            n, total = sums.get(year // 10 * 10, (0, 0.0))
            sums[year // 10 * 10] = n + count, total + count * mean
    means = [(decade, total / n) for decade, (n, total) in sorted(sums.items()) if n >= MIN_TRACKS]
    return (means[0], means[-1]) if len(means) > 1 else (None, None)


def headline(k: int) -> str:
    """Return the title of a report on ``k`` clusters.

    >>> headline(10)
    'Ten ways your catalogue sounds'
    """
    return f"{feature_labels.spell_number(k).capitalize()} ways your catalogue sounds"


def lead(numbers: ReportNumbers) -> str:
    """Return two sentences with the descriptions of the largest and the smallest cluster.

    If only one cluster has tracks, the text is "All 2,000 tracks sound alike."
    """
    clusters = sorted((c for c in numbers.clusters if c.n_tracks), key=lambda c: (-c.n_tracks, c.number))
    if len(clusters) < 2:
        return f"All {numbers.n_tracks:,} tracks sound alike."
    first, last = clusters[0], clusters[-1]
    return (
        f"The largest cluster, {percent(first.n_tracks / numbers.n_tracks)} of all tracks: {first.description}. "
        f"The smallest, {percent(last.n_tracks / numbers.n_tracks)}: {last.description}."
    )


def percent(share: float) -> str:
    """Format a share, from 0 to 1, as text in whole per cent. Only exactly 0 and 1 become "0 %" and "100 %".

    >>> percent(0.168), percent(0.004), percent(0.0)
    ('17 %', 'less than 1 %', '0 %')
    """
    text = f"{100 * share:.0f} %"
    if text == "0 %" and share > 0:
        return "less than 1 %"
    return "more than 99 %" if text == "100 %" and share < 1 else text


def silhouette_word(value: float) -> str:
    """Return an adjective for a mean silhouette: "faint" below 0.25, "fair" below 0.5, "good" below 0.7, else "strong".

    References
    ----------
    L. Kaufman, P. J. Rousseeuw (1990), "Finding Groups in Data", Wiley, chapter 2.
    """
    return "faint" if value < 0.25 else "fair" if value < 0.5 else "good" if value < 0.7 else "strong"


def choice_sentence(numbers: ReportNumbers, rule: str) -> str:
    """Return a sentence on the reason for the number of clusters: "The settings fix 12 clusters, with …".

    ``rule`` is the value of the setting ``selection.rule``: "silhouette", "fixed", "knee" or "stable". Raises
    ValueError for another rule.
    """
    k, ks = numbers.k, [score.k for score in numbers.k_scores]
    chosen = next(score for score in numbers.k_scores if score.k == k)
    tried = f", of {min(ks)} to {max(ks)} that were tried" if len(ks) > 1 else ""
    best = max(numbers.k_scores, key=lambda score: score.silhouette)
    reasons = {
        "silhouette": f"{k} clusters have the highest silhouette among the admissible numbers of clusters",
        "fixed": f"The settings fix {k} clusters",
        "knee": f"At {k} clusters the inertia curve has its knee: more clusters reduce inertia little",
        "stable": f"{k} is the largest number of clusters on which random subsamples of the catalogue agree",
    }
    if rule not in reasons:
        raise ValueError(f"found rule {rule!r}, expected one of {', '.join(reasons)}")
    end = f", with a silhouette of {chosen.silhouette:.2f}"
    if best.k != k:
        end += f" (the highest of all, {best.silhouette:.2f}, has {best.k})"
    return f"{reasons[rule]}{tried}{end}."


def agreement_sentences(agreement: Agreement) -> list[str]:
    """Return two or three sentences on the agreement of the clusters with the genres.

    The first, for example "The clusters partly follow the genres: …", gives the normalised mutual information. The
    second gives the purity and the adjusted Rand index. The third, only for a supervised model, says that the genres
    guided the model.
    """
    word = (
        "hardly follow" if agreement.nmi < 0.1 else "loosely follow" if agreement.nmi < 0.3 else
        "partly follow" if agreement.nmi < 0.6 else "largely follow"
    )  # fmt: skip
    supervised = [
        "The model is supervised: it was guided by the genres. These figures are the mean over two halves of the "
        "tracks that share no artist, each clustered by what the genres of the other half teach."
    ]
    return [
        f"The clusters {word} the genres: both share {percent(agreement.nmi)} of their information "
        f"(normalised mutual information {agreement.nmi:.2f}).",
        f"If each cluster were named after its most frequent genre, {percent(agreement.purity)} of the tracks would "
        f"be right (purity); beyond chance, clusters and genres agree on {percent(max(agreement.ari, 0.0))} of the "
        f"pairs of tracks (adjusted Rand index {feature_labels.format_signed(agreement.ari)}).",
        *(supervised if agreement.supervised else []),
    ]


def loading_sentence(loadings: Sequence[tuple[str, float]], direction: str) -> str:
    """Return a sentence on how features change along one axis of the map of the tracks.

    It names at most two features, those with the largest weights. Weights below 0.2 in absolute value are ignored; if
    all are, the sentence is empty.

    Parameters
    ----------
    loadings : pairs of a feature and its weight in the axis
    direction : direction of the axis in the map, "right" or "up"

    >>> loading_sentence([("acousticness", 0.9), ("energy", -0.4), ("bpm", 0.1)], "right")
    'Farther right: more acoustic, less energetic.'
    """
    largest = sorted(loadings, key=lambda item: -abs(item[1]))[:2]
    words = [_COMPARATIVES[name][weight < 0] for name, weight in largest if abs(weight) >= _MIN_LOADING]
    return f"Farther {direction}: {', '.join(words)}." if words else ""
