"""Which k becomes the model."""

import logging
from typing import NamedTuple

import pytest

from segue.clustering.selection import best_space, choose_k, knee
from segue.core.grid_result import Stability
from segue.core.metrics import Agreement


class Score(NamedTuple):
    k: int
    silhouette: float
    inertia: float = 1.0
    stability: Stability | None = None


SCORES = [Score(2, 0.9), Score(3, 0.8), Score(8, 0.3), Score(9, 0.5), Score(10, 0.5), Score(11, 0.1)]


def chosen(scores=SCORES, *, rule="silhouette", fewest=8, k=None):
    return choose_k(scores, rule=rule, fewest=fewest, k=k)


@pytest.mark.parametrize(("fewest", "k"), [(2, 2), (3, 3), (4, 9), (8, 9), (9, 9), (10, 10), (11, 11)])
def test_best_silhouette_among_k_of_at_least_fewest(fewest, k):
    assert chosen(fewest=fewest) == k
    assert chosen(SCORES[::-1], fewest=fewest) == k


def test_smallest_of_equals():
    assert chosen([Score(k, 0.25) for k in (12, 9, 10)]) == 9


def test_negative_silhouettes():
    assert chosen([Score(8, -0.5), Score(9, -0.1), Score(10, -0.2)]) == 9


def test_too_few_distinct_tracks_give_the_best_there_is_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        assert chosen(SCORES[:2], fewest=8) == 2
    assert "8" in caplog.text


def test_no_warning_where_there_are_enough(caplog):
    chosen()
    assert caplog.text == ""


def test_fixed_takes_k_whatever_the_scores():
    assert chosen(rule="fixed", k=11) == 11
    assert chosen(rule="fixed", k=2, fewest=8) == 2


def test_fixed_takes_the_largest_where_the_grid_stopped_short(caplog):
    with caplog.at_level(logging.WARNING):
        assert chosen(SCORES[::-1], rule="fixed", k=20) == 11
    assert "20" in caplog.text
    assert "11" in caplog.text


@pytest.mark.parametrize(
    ("ks", "inertias", "k"),
    [
        # stretched to [0, 1]: the line falls by 1/3 a step; depths 0, 0.6 - 1/3, 0.9 - 2/3, 0
        ([2, 3, 4, 5], [100, 40, 10, 0], 3),
        # depths 0, 0.3 - 1/3, 0.9 - 2/3, 0
        ([2, 3, 4, 5], [100, 70, 10, 0], 4),
        # unequal steps: at 4 the line fell by 1/4 and the curve by 0.5; at 6 by 1/2 and 0.8; depths 0.25 and 0.3
        ([2, 4, 6, 10], [200, 150, 120, 100], 6),
        # equals: depths 0.25, 0.25
        ([2, 3, 4, 6], [8, 4, 2, 0], 3),
        ([5], [3.0], 5),
        ([2, 3], [9.0, 1.0], 2),
        ([2, 3, 4], [1.0, 1.0, 1.0], 2),
        ([2, 3, 4], [1.0, 2.0, 3.0], 2),
        # the curve lies nowhere below the line
        ([2, 3, 4], [10, 9, 0], 2),
    ],
)
def test_knee_by_hand(ks, inertias, k):
    assert knee(ks, inertias) == k
    scores = [Score(k, 0.0, inertia) for k, inertia in zip(ks, inertias, strict=True)]
    assert chosen(scores[::-1], rule="knee") == k


def test_knee_does_not_depend_on_units():
    inertias = [100, 40, 10, 0]
    assert {knee([2, 3, 4, 5], [i * scale + 7 for i in inertias]) for scale in (1e-9, 1, 1e9)} == {3}


def stable(*told):
    """Scores of k = 2, 3, … with these mean stabilities, each of standard deviation 0.2 over four halves."""
    scores = [Score(k, 0.1, stability=None if m is None else Stability(m, 0.2, 4)) for k, m in enumerate(told, start=2)]
    return chosen(scores, rule="stable")


def test_the_largest_k_within_one_standard_error_of_the_most_stable():
    # the error is 0.2 / sqrt(4) = 0.1
    assert stable(0.95, 0.7, 0.86, 0.84) == 4
    assert stable(0.95, 0.7, 0.84, 0.84) == 2
    assert stable(0.5, 0.5, 0.5) == 4


def test_the_error_is_that_of_the_most_stable_k():
    scores = [Score(2, 0.1, stability=Stability(0.9, 0.0, 4)), Score(3, 0.1, stability=Stability(0.85, 0.9, 4))]
    assert chosen(scores, rule="stable") == 2


def test_k_without_stability_do_not_count(caplog):
    assert stable(0.9, None, 0.85, None) == 4
    assert stable(None, None) == 2
    assert "too few distinct tracks for random halves" in caplog.text


class Fit(NamedTuple):
    k: int
    agreement: Agreement
    stability: Stability | None = None


def by_genre(**nmi):
    return [Fit(int(k[1:]), Agreement(value, 0.0, 0.0)) for k, value in nmi.items()]


def by_stability(*means):
    return [Fit(k, Agreement(None, None, None), Stability(mean, 0.1, 6)) for k, mean in enumerate(means, start=2)]


def test_agreement_with_genres_decides_on_average_over_k():
    assert best_space([by_genre(k2=0.1, k3=0.3), by_genre(k2=0.2, k3=0.25)]) == 1
    assert best_space([by_genre(k2=0.2, k3=0.3), by_genre(k2=0.3, k3=0.2)]) == 0


def test_only_k_that_all_spaces_have_are_compared():
    assert best_space([by_genre(k2=0.1, k3=0.9), by_genre(k2=0.2)]) == 1


def test_without_genres_stability_decides():
    assert best_space([by_stability(0.9, 0.2), by_stability(0.6, 0.6)]) == 1


def test_where_nothing_compares_the_first_space_counts(caplog):
    none = [Fit(2, Agreement(None, None, None))]
    assert best_space([none, by_stability(0.9)]) == 0
    assert "neither genres nor stability" in caplog.text
    assert best_space([by_genre(k2=0.1), by_genre(k3=0.9)]) == 0
    assert best_space([none]) == 0
