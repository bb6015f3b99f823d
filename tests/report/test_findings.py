"""Every sentence of the report, word by word."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from scipy import stats
from tests.report import report_numbers
from tests.report.report_numbers import R, correlations

from segue.report import feature_labels, findings, numbers
from segue.settings.sections import SelectionSettings


def with_reversed_pair() -> dict[tuple[str, str], float]:
    return R | {("energy", "acousticness"): 0.67}


def test_strongest_correlations_first():
    assert findings.correlation_title(correlations(R)) == "Loud tracks are more energetic"
    assert findings.correlation_sentences(correlations(R)) == [
        "Loud tracks are clearly more energetic (r = 0.72, with 95 % confidence 0.70 to 0.74).",
        "Energetic tracks are clearly less acoustic (r = −0.67, with 95 % confidence −0.69 to −0.65).",
        "Loud tracks tend to be less acoustic (r = −0.45, with 95 % confidence −0.48 to −0.41).",
        "Cheerful tracks tend to be more danceable (r = 0.41, with 95 % confidence 0.37 to 0.45).",
    ]


def test_the_opposite_sign_gives_the_opposite_sentence():
    assert (
        "Energetic tracks are clearly more acoustic (r = 0.67, with 95 % confidence 0.65 to 0.69)."
        in findings.correlation_sentences(correlations(with_reversed_pair()))
    )
    alone = {("energy", "acousticness"): -0.67}
    assert findings.correlation_title(correlations(alone)) == "Energetic tracks are less acoustic"
    alone = {("energy", "acousticness"): 0.67}
    assert findings.correlation_title(correlations(alone)) == "Energetic tracks are more acoustic"


def test_two_pairs_are_always_listed():
    assert findings.correlation_sentences(correlations({})) == [
        "Energetic tracks are hardly more or less acoustic than others "
        "(r = 0.00, with 95 % confidence −0.04 to 0.04).",
        "Cheerful tracks are hardly more or less danceable than others "
        "(r = 0.00, with 95 % confidence −0.04 to 0.04).",
    ]  # fmt: skip
    assert findings.correlation_title(correlations({})) == "No two features are correlated"


@pytest.mark.parametrize(
    ("r", "n", "expected"),
    [
        (0.5, 2000, "Fast tracks are clearly louder"),
        (0.499, 2000, "Fast tracks tend to be louder"),
        (0.3, 2000, "Fast tracks tend to be louder"),
        (0.299, 2000, "Fast tracks are slightly louder"),
        (-0.1, 2000, "Fast tracks are slightly quieter"),
        (0.099, 2000, "Fast tracks are hardly more or less loud than others"),
        (0.12, 150, "Fast tracks are hardly more or less loud than others"),
        (0.4, 20, "Too few tracks to say whether fast tracks are more or less loud"),
        (0.0, 25, "Too few tracks to say whether fast tracks are more or less loud"),
    ],
)
def test_strength_of_a_correlation_in_words(r, n, expected):
    pair = findings.pair_correlation(correlations({("bpm", "loudness"): r}, n), "bpm", "loudness")
    assert findings.pair_sentence(pair).startswith(expected)


@pytest.mark.parametrize("n", [20, 57, 400])
def test_the_confidence_interval_equals_scipys(n):
    chance = np.random.default_rng(n)
    x = chance.normal(size=n)
    y = 0.6 * x + chance.normal(size=n)
    truth = stats.pearsonr(x, y)
    low, high = truth.confidence_interval(0.95)
    pair = findings.pair_correlation(correlations({("bpm", "energy"): truth.statistic}, n), "bpm", "energy")
    assert (pair.r, pair.low, pair.high) == pytest.approx((truth.statistic, low, high), abs=1e-12)


def test_a_perfect_and_an_undefined_correlation():
    pair = findings.pair_correlation(correlations({("bpm", "energy"): 1.0}), "bpm", "energy")
    assert findings.pair_sentence(pair) == (
        "Fast tracks are clearly more energetic (r = 1.00, with 95 % confidence 1.00 to 1.00)."
    )
    assert findings.pair_correlation(correlations({("bpm", "energy"): float("nan")}), "bpm", "energy") is None


def test_too_few_tracks_give_no_sentence():
    too_few = correlations(R, n=19)
    assert findings.pair_correlation(too_few, "energy", "loudness") is None
    assert findings.pair_correlation(correlations(R, n=20), "energy", "loudness") is not None
    assert findings.correlation_sentences(too_few) == []
    assert findings.popularity_sentences(too_few) == []
    assert findings.year_sentence(report_numbers.years(), too_few) is None
    assert findings.correlation_title(too_few) == "The features"


def test_missing_features_give_no_sentence():
    known = correlations(R, names=("bpm", "energy"))
    assert findings.pair_correlation(known, "energy", "loudness") is None
    assert findings.correlation_sentences(known) == []
    assert findings.popularity_sentences(known) == []
    assert findings.year_sentence(None, known) is None


def test_popularity_sentences():
    assert findings.popularity_sentences(correlations(R)) == [
        "Popular tracks are slightly louder (r = 0.18, with 95 % confidence 0.14 to 0.22)."
    ]
    pairs = {("popularity", "year"): 0.55, ("popularity", "duration_s"): -0.31, ("popularity", "bpm"): 0.02}
    assert findings.popularity_sentences(correlations(pairs)) == [
        "Popular tracks are clearly newer (r = 0.55, with 95 % confidence 0.52 to 0.58).",
        "Popular tracks tend to be shorter (r = −0.31, with 95 % confidence −0.35 to −0.27).",
    ]
    assert findings.popularity_sentences(correlations({("popularity", "valence"): -0.05})) == [
        "No feature is correlated with popularity: the strongest is cheerfulness "
        "(r = −0.05, with 95 % confidence −0.09 to −0.01)."
    ]
    assert findings.popularity_sentences(correlations({("popularity", "valence"): 0.4}, n=21)) == []


def test_year_sentence():
    assert findings.year_sentence(report_numbers.years(), correlations(R)) == (
        "Newer tracks are less acoustic: on average 76 % in the 1960s and 36 % in the 2010s "
        "(r = −0.36, with 95 % confidence −0.40 to −0.32)."
    )
    assert findings.year_sentence(report_numbers.years(), correlations({})) == (
        "No feature changes much over the years: the largest change is in tempo."
    )
    assert findings.year_sentence(report_numbers.years(), correlations({("year", "bpm"): 0.4}, n=21)) is None
    assert findings.year_sentence(None, correlations(R)) is None


def test_decades_of_few_tracks_are_not_compared():
    years = numbers.Years([1935, 1960, 1961, 2005, 2021], [19, 10, 10, 400, 3], {
        "acousticness": [0.1, 0.9, 0.7, 0.5, 1.0],
    })  # fmt: skip
    assert findings.year_sentence(years, correlations(R)).startswith(
        "Newer tracks are less acoustic: on average 80 % in the 1960s and 50 % in the 2000s (r"
    )
    one = numbers.Years([2001, 2002], [400, 400], {"acousticness": [0.9, 0.1]})
    assert findings.year_sentence(one, correlations(R)) == (
        "Newer tracks tend to be less acoustic (r = −0.36, with 95 % confidence −0.40 to −0.32)."
    )


def test_decades_that_contradict_the_correlation_are_left_out():
    # falls over all tracks, but the first decade is lower than the last
    years = numbers.Years([1955, 1975, 1995, 2015], [20, 900, 900, 20], {"acousticness": [0.2, 0.9, 0.1, 0.4]})
    assert findings.year_sentence(years, correlations(R)) == (
        "Newer tracks tend to be less acoustic (r = −0.36, with 95 % confidence −0.40 to −0.32)."
    )


def test_the_lead_describes_the_largest_and_smallest_cluster():
    base = report_numbers.full()
    assert findings.lead(base) == (
        "The largest cluster, 60 % of all tracks: loud, energetic. The smallest, 10 %: fast, danceable."
    )
    one, other, third = base.clusters
    emptied = replace(base, clusters=[one, replace(other, n_tracks=800, share=0.4), replace(third, n_tracks=0)])
    assert findings.lead(emptied) == (
        "The largest cluster, 60 % of all tracks: loud, energetic. The smallest, 40 %: calm, acoustic."
    )
    assert findings.lead(replace(base, clusters=[one])) == "All 2,000 tracks sound alike."


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("silhouette", "3 clusters have the highest silhouette among the admissible numbers of clusters"),
        ("fixed", "The settings fix 3 clusters"),
        ("knee", "At 3 clusters the inertia curve has its knee: more clusters reduce inertia little"),
        ("stable", "3 is the largest number of clusters on which random subsamples of the catalogue agree"),
    ],
)
def test_choice_sentence(rule, expected):
    base = report_numbers.full()
    end = ", of 2 to 5 that were tried, with a silhouette of 0.31 (the highest of all, 0.35, has 2)."
    assert findings.choice_sentence(base, rule) == expected + end
    best = replace(base, k_scores=base.k_scores[1:])
    assert findings.choice_sentence(best, rule) == expected + ", of 3 to 5 that were tried, with a silhouette of 0.31."


def test_choice_sentence_of_an_unknown_rule():
    with pytest.raises(ValueError, match="found rule 'elbow', expected one of silhouette, fixed, knee, stable"):
        findings.choice_sentence(report_numbers.full(), "elbow")


def test_every_rule_of_the_settings_has_a_sentence():
    for rule in get_args(SelectionSettings.model_fields["rule"].annotation):
        assert findings.choice_sentence(report_numbers.full(), rule).endswith(".")


def test_choice_sentence_of_a_single_k():
    base = report_numbers.full()
    alone = replace(base, k_scores=[base.k_scores[1]])
    assert findings.choice_sentence(alone, "fixed") == "The settings fix 3 clusters, with a silhouette of 0.31."


def test_agreement_sentences():
    assert findings.agreement_sentences(report_numbers.full().agreement) == [
        "The clusters loosely follow the genres: both share 23 % of their information "
        "(normalised mutual information 0.23).",
        "If each cluster were named after its most frequent genre, 44 % of the tracks would be right (purity); beyond "
        "chance, clusters and genres agree on 12 % of the pairs of tracks (adjusted Rand index 0.12).",
    ]


@pytest.mark.parametrize(
    ("nmi", "word"),
    [(0.099, "hardly"), (0.1, "loosely"), (0.299, "loosely"), (0.3, "partly"), (0.599, "partly"), (0.6, "largely")],
)
def test_agreement_in_words(nmi, word):
    base = numbers.Agreement(nmi, -0.02, 0.4, [], np.zeros((0, 3)), [])
    first, second = findings.agreement_sentences(base)
    assert first.startswith(f"The clusters {word} follow the genres")
    assert "on 0 % of the pairs of tracks (adjusted Rand index −0.02)" in second


def test_agreement_of_a_supervised_model_says_so():
    guided = numbers.Agreement(0.2, 0.1, 0.4, [], np.zeros((0, 3)), [], supervised=True)
    *_, last = findings.agreement_sentences(guided)
    assert last.startswith("The model is supervised: it was guided by the genres. These figures are the mean over")


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, "0 %"), (0.0001, "less than 1 %"), (0.00499, "less than 1 %"), (0.005, "less than 1 %"), (0.0051, "1 %"),
        (0.168, "17 %"), (0.994, "99 %"), (0.9999, "more than 99 %"), (1.0, "100 %"),
    ],
)  # fmt: skip
def test_percent(share, expected):
    assert findings.percent(share) == expected


@pytest.mark.parametrize(
    ("value", "word"), [(0.2499, "faint"), (0.25, "fair"), (0.5, "good"), (0.7, "strong"), (-0.1, "faint")]
)
def test_silhouette_word(value, word):
    assert findings.silhouette_word(value) == word


def test_loading_sentence():
    assert findings.loading_sentence([("bpm", 0.3), ("energy", -0.8), ("valence", 0.25)], "up") == (
        "Farther up: less energetic, faster."
    )
    assert findings.loading_sentence([("bpm", 0.19)], "up") == ""


def test_every_pair_of_features_has_a_sentence():
    for name in feature_labels.NAMES:
        for other in feature_labels.NAMES:
            assert findings.pair_sentence(findings.PairCorrelation(name, other, 0.4, 0.3, 0.5)).endswith("0.50).")
