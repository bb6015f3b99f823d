"""Sentences, word by word."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from tests.report import report_numbers
from tests.report.report_numbers import R, correlations

from segue.report import feature_labels, findings, numbers


def reversed_pair() -> dict[tuple[str, str], float]:
    return R | {("energy", "acousticness"): 0.67}


def test_what_goes_together_the_strongest_first():
    assert findings.correlation_title(correlations(R)) == "Loud tracks are more energetic"
    assert findings.correlation_sentences(correlations(R)) == [
        "Loud tracks are clearly more energetic (r = 0.72, with 95 % confidence 0.70 to 0.74).",
        "Energetic tracks are clearly less acoustic (r = −0.67, with 95 % confidence −0.69 to −0.65).",
        "Loud tracks tend to be less acoustic (r = −0.45, with 95 % confidence −0.48 to −0.41).",
        "Cheerful tracks tend to be more danceable (r = 0.41, with 95 % confidence 0.37 to 0.45).",
    ]


def test_a_catalogue_the_other_way_round_says_the_opposite():
    assert (
        "Energetic tracks are clearly more acoustic (r = 0.67, with 95 % confidence 0.65 to 0.69)."
        in findings.correlation_sentences(correlations(reversed_pair()))
    )
    alone = {("energy", "acousticness"): -0.67}
    assert findings.correlation_title(correlations(alone)) == "Energetic tracks are less acoustic"
    alone = {("energy", "acousticness"): 0.67}
    assert findings.correlation_title(correlations(alone)) == "Energetic tracks are more acoustic"


def test_two_pairs_are_told_even_where_they_do_not_go_together():
    assert findings.correlation_sentences(correlations({})) == [
        "Energetic tracks are hardly more or less acoustic than others "
        "(r = 0.00, with 95 % confidence −0.04 to 0.04).",
        "Cheerful tracks are hardly more or less danceable than others "
        "(r = 0.00, with 95 % confidence −0.04 to 0.04).",
    ]  # fmt: skip
    assert findings.correlation_title(correlations({})) == "No two features go together"


@pytest.mark.parametrize(
    ("r", "n", "wanted"),
    [
        (0.5, 2000, "Fast tracks are clearly louder"),
        (0.499, 2000, "Fast tracks tend to be louder"),
        (0.3, 2000, "Fast tracks tend to be louder"),
        (0.299, 2000, "Fast tracks are slightly louder"),
        (-0.1, 2000, "Fast tracks are slightly quieter"),
        (0.099, 2000, "Fast tracks are hardly more or less loud than others"),
        (0.12, 150, "Fast tracks are hardly more or less loud than others"),
        (0.4, 20, "Whether fast tracks are more or less loud cannot be told from so few tracks"),
        (0.0, 25, "Whether fast tracks are more or less loud cannot be told from so few tracks"),
    ],
)
def test_how_much_is_said_of_a_correlation(r, n, wanted):
    found = findings.relation(correlations({("bpm", "loudness"): r}, n), "bpm", "loudness")
    assert findings.sentence(found).startswith(wanted)


@pytest.mark.parametrize("n", [20, 57, 400])
def test_the_interval_is_scipys(n):
    chance = np.random.default_rng(n)
    x = chance.normal(size=n)
    y = 0.6 * x + chance.normal(size=n)
    truth = stats.pearsonr(x, y)
    low, high = truth.confidence_interval(0.95)
    found = findings.relation(correlations({("bpm", "energy"): truth.statistic}, n), "bpm", "energy")
    assert (found.r, found.low, found.high) == pytest.approx((truth.statistic, low, high), abs=1e-12)


def test_a_perfect_correlation_and_none_at_all():
    found = findings.relation(correlations({("bpm", "energy"): 1.0}), "bpm", "energy")
    assert findings.sentence(found) == (
        "Fast tracks are clearly more energetic (r = 1.00, with 95 % confidence 1.00 to 1.00)."
    )
    assert findings.relation(correlations({("bpm", "energy"): float("nan")}), "bpm", "energy") is None


def test_of_too_few_tracks_nothing_is_said():
    few = correlations(R, n=19)
    assert findings.relation(few, "energy", "loudness") is None
    assert findings.relation(correlations(R, n=20), "energy", "loudness") is not None
    assert findings.correlation_sentences(few) == []
    assert findings.popularity_sentences(few) == []
    assert findings.year_sentence(report_numbers.years(), few) is None
    assert findings.correlation_title(few) == "The features"


def test_features_that_nobody_has_are_not_spoken_of():
    known = correlations(R, names=("bpm", "energy"))
    assert findings.relation(known, "energy", "loudness") is None
    assert findings.correlation_sentences(known) == []
    assert findings.popularity_sentences(known) == []
    assert findings.year_sentence(None, known) is None


def test_popularity():
    assert findings.popularity_sentences(correlations(R)) == [
        "Popular tracks are slightly louder (r = 0.18, with 95 % confidence 0.14 to 0.22)."
    ]
    pairs = {("popularity", "year"): 0.55, ("popularity", "duration_s"): -0.31, ("popularity", "bpm"): 0.02}
    assert findings.popularity_sentences(correlations(pairs)) == [
        "Popular tracks are clearly newer (r = 0.55, with 95 % confidence 0.52 to 0.58).",
        "Popular tracks tend to be shorter (r = −0.31, with 95 % confidence −0.35 to −0.27).",
    ]
    assert findings.popularity_sentences(correlations({("popularity", "valence"): -0.05})) == [
        "Nothing here goes with popularity: the nearest is cheerfulness "
        "(r = −0.05, with 95 % confidence −0.09 to −0.01)."
    ]
    assert findings.popularity_sentences(correlations({("popularity", "valence"): 0.4}, n=21)) == []


def test_the_years():
    assert findings.year_sentence(report_numbers.years(), correlations(R)) == (
        "Newer tracks are less acoustic: on average 76 % in the 1960s and 36 % in the 2010s "
        "(r = −0.36, with 95 % confidence −0.40 to −0.32)."
    )
    assert findings.year_sentence(report_numbers.years(), correlations({})) == (
        "Tracks of all years sound alike: the nearest to a change is in tempo."
    )
    assert findings.year_sentence(report_numbers.years(), correlations({("year", "bpm"): 0.4}, n=21)) is None
    assert findings.year_sentence(None, correlations(R)) is None


def test_decades_with_few_tracks_are_no_end_to_compare():
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


def test_ends_that_contradict_the_whole_are_not_named():
    # most tracks lie between, and fall; the first decade happens to be lower than the last
    years = numbers.Years([1955, 1975, 1995, 2015], [20, 900, 900, 20], {"acousticness": [0.2, 0.9, 0.1, 0.4]})
    assert findings.year_sentence(years, correlations(R)) == (
        "Newer tracks tend to be less acoustic (r = −0.36, with 95 % confidence −0.40 to −0.32)."
    )


def test_the_lead_names_the_largest_and_the_smallest():
    found = report_numbers.tables()
    assert findings.lead(found) == (
        "The largest group, 60 % of all tracks, is loud, energetic; the smallest, 10 %, is fast, danceable."
    )
    one, other, third = found.clusters
    emptied = replace(found, clusters=[one, replace(other, n_tracks=800, share=0.4), replace(third, n_tracks=0)])
    assert findings.lead(emptied) == (
        "The largest group, 60 % of all tracks, is loud, energetic; the smallest, 40 %, is calm, acoustic."
    )
    assert findings.lead(replace(found, clusters=[one])) == "All 2,000 tracks sound alike."


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("silhouette", "3 clusters hold together best among those numbers that say something about music"),
        ("fixed", "The settings ask for 3 clusters"),
        ("knee", "Beyond 3 clusters more of them gain little: there inertia has its knee"),
        ("stable", "3 is the largest number of clusters that random halves of the catalogue agree on"),
    ],
)
def test_why_so_many_clusters(rule, wanted):
    found = report_numbers.tables()
    end = ", of 2 to 5 that were tried, with a silhouette of 0.31 (the best of all, 0.35, has 2)."
    assert findings.choice_sentence(found, rule) == wanted + end
    best = replace(found, scores=found.scores[1:])
    assert findings.choice_sentence(best, rule) == wanted + ", of 3 to 5 that were tried, with a silhouette of 0.31."


def test_one_number_of_clusters_is_no_choice():
    found = report_numbers.tables()
    alone = replace(found, scores=[found.scores[1]])
    assert findings.choice_sentence(alone, "fixed") == "The settings ask for 3 clusters, with a silhouette of 0.31."


def test_agreement_with_genres():
    assert findings.agreement_sentences(report_numbers.tables().agreement) == [
        "The clusters loosely follow the genres: to know a track's cluster tells 23 % of what its genre would "
        "(normalised mutual information 0.23).",
        "If each cluster were named after its commonest genre, 44 % of the tracks would be right (purity); beyond "
        "chance two tracks are sorted alike by both in 12 % of the cases (adjusted Rand index 0.12).",
    ]


@pytest.mark.parametrize(
    ("nmi", "word"),
    [(0.099, "hardly"), (0.1, "loosely"), (0.299, "loosely"), (0.3, "partly"), (0.599, "partly"), (0.6, "largely")],
)
def test_how_far_clusters_follow_genres(nmi, word):
    found = numbers.Agreement(nmi, -0.02, 0.4, [], np.zeros((0, 3)), [])
    first, second = findings.agreement_sentences(found)
    assert first.startswith(f"The clusters {word} follow the genres")
    assert "in 0 % of the cases (adjusted Rand index −0.02)" in second


@pytest.mark.parametrize(
    ("share", "wanted"),
    [
        (0.0, "0 %"), (0.0001, "less than 1 %"), (0.00499, "less than 1 %"), (0.005, "less than 1 %"), (0.0051, "1 %"),
        (0.168, "17 %"), (0.994, "99 %"), (0.9999, "more than 99 %"), (1.0, "100 %"),
    ],
)  # fmt: skip
def test_a_share_without_false_decimals(share, wanted):
    assert findings.percent(share) == wanted


@pytest.mark.parametrize(
    ("value", "word"), [(0.2499, "faint"), (0.25, "fair"), (0.5, "good"), (0.7, "strong"), (-0.1, "faint")]
)
def test_silhouettes_are_judged_by_kaufman_and_rousseeuw(value, word):
    assert findings.silhouette_word(value) == word


def test_a_direction_of_the_map():
    assert findings.loading_sentence([("bpm", 0.3), ("energy", -0.8), ("valence", 0.25)], "up") == (
        "Farther up: less energetic, faster."
    )
    assert findings.loading_sentence([("bpm", 0.19)], "up") == ""


def test_every_number_can_be_spoken_of():
    for name in feature_labels.NAMES:
        for other in feature_labels.NAMES:
            assert findings.sentence(findings.Relation(name, other, 0.4, 0.3, 0.5)).endswith("0.50).")
