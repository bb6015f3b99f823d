"""Test the rules that choose k and the feature space."""

import logging
from typing import NamedTuple, get_args

import pytest

from segue.clustering.selection import best_space, choose_k, knee
from segue.core.grid_result import Stability
from segue.core.metrics import Agreement
from segue.settings.sections import SelectionSettings

NO_AGREEMENT = Agreement(None, None, None)


class Score(NamedTuple):
    k: int
    silhouette: float = 0.0
    inertia: float = 1.0
    stability: Stability | None = None
    agreement: Agreement = NO_AGREEMENT


SCORES = [Score(2, 0.9), Score(3, 0.8), Score(8, 0.3), Score(9, 0.5), Score(10, 0.5), Score(11, 0.1)]


def chosen(scores=SCORES, *, rule="silhouette", min_k=8, k=None):
    return choose_k(scores, rule=rule, min_k=min_k, k=k)


@pytest.mark.parametrize(("min_k", "k"), [(2, 2), (3, 3), (4, 9), (8, 9), (9, 9), (10, 10), (11, 11)])
def test_silhouette_rule_chooses_the_best_k_of_at_least_min_k(min_k, k):
    assert chosen(min_k=min_k) == k
    assert chosen(SCORES[::-1], min_k=min_k) == k


def test_tie_goes_to_the_smallest_k():
    assert chosen([Score(k, 0.25) for k in (12, 9, 10)]) == 9


def test_negative_silhouettes_are_compared():
    assert chosen([Score(8, -0.5), Score(9, -0.1), Score(10, -0.2)]) == 9


def test_all_k_are_compared_with_a_warning_if_every_k_is_below_min_k(caplog):
    with caplog.at_level(logging.WARNING):
        assert chosen(SCORES[:2], min_k=8) == 2
    assert "no k of at least 8 was fitted" in caplog.text


def test_no_warning_is_logged_if_min_k_was_fitted(caplog):
    chosen()
    assert caplog.text == ""


@pytest.mark.parametrize(("rule", "k"), [("elbow", None), ("", 9), ("fixed", None)])
def test_other_rules_are_refused(rule, k):
    with pytest.raises(ValueError, match=f"found rule '{rule}' with k = {k}, expected silhouette, knee, stable"):
        chosen(rule=rule, k=k)


def test_every_rule_of_the_settings_chooses_a_k():
    rules = get_args(SelectionSettings.model_fields["rule"].annotation)
    assert len(rules) == 4
    assert all(chosen(rule=rule, k=9) in range(2, 12) for rule in rules)


def test_fixed_rule_ignores_scores():
    assert chosen(rule="fixed", k=11) == 11
    assert chosen(rule="fixed", k=2, min_k=8) == 2


def test_fixed_rule_chooses_the_largest_k_if_its_k_was_not_fitted(caplog):
    with caplog.at_level(logging.WARNING):
        assert chosen(SCORES[::-1], rule="fixed", k=20) == 11
    assert "k = 20 was not fitted: choosing the largest fitted k, 11" in caplog.text


@pytest.mark.parametrize(
    ("ks", "inertias", "k"),
    [
        # scaled to [0, 1]: the line falls by 1/3 a step; depths 0, 0.6 - 1/3, 0.9 - 2/3, 0
        ([2, 3, 4, 5], [100, 40, 10, 0], 3),
        # depths 0, 0.3 - 1/3, 0.9 - 2/3, 0
        ([2, 3, 4, 5], [100, 70, 10, 0], 4),
        # unequal steps: at 4 the line fell by 1/4 and the curve by 0.5; at 6 by 1/2 and 0.8; depths 0.25 and 0.3
        ([2, 4, 6, 10], [200, 150, 120, 100], 6),
        # a tie: depths 0.25, 0.25
        ([2, 3, 4, 6], [8, 4, 2, 0], 3),
        ([5], [3.0], 5),
        ([2, 3], [9.0, 1.0], 2),
        ([2, 3, 4], [1.0, 1.0, 1.0], 2),
        ([2, 3, 4], [1.0, 2.0, 3.0], 2),
        # no point of the curve is below the line
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


def stable(*means):
    """Choose among k = 2, 3, … by their mean stabilities, each with standard deviation 0.2 over four subsamples."""
    scores = [Score(k, stability=None if m is None else Stability(m, 0.2, 4)) for k, m in enumerate(means, start=2)]
    return chosen(scores, rule="stable")


def test_stable_rule_chooses_the_largest_k_within_one_standard_error_of_the_best():
    # the standard error is 0.2 / sqrt(4) = 0.1
    assert stable(0.95, 0.7, 0.86, 0.84) == 4
    assert stable(0.95, 0.7, 0.84, 0.84) == 2
    assert stable(0.5, 0.5, 0.5) == 4


def test_standard_error_is_that_of_the_best_k():
    scores = [Score(2, stability=Stability(0.9, 0.0, 4)), Score(3, stability=Stability(0.85, 0.9, 4))]
    assert chosen(scores, rule="stable") == 2


def test_k_without_stability_is_ignored(caplog):
    assert stable(0.9, None, 0.85, None) == 4
    assert stable(None, None) == 2
    assert "too few distinct tracks for random subsamples" in caplog.text


def with_nmi(**nmi):
    """Return scores from arguments such as ``k2=0.1``, agreement 0.1 with genre at k = 2."""
    return [Score(int(k[1:]), agreement=Agreement(value, 0.0, 0.0)) for k, value in nmi.items()]


def with_stability(*means):
    """Return scores of k = 2, 3, … with mean stabilities and without genres."""
    return [Score(k, stability=Stability(mean, 0.1, 6)) for k, mean in enumerate(means, start=2)]


def test_space_with_the_best_mean_agreement_with_genre_is_chosen():
    assert best_space([with_nmi(k2=0.1, k3=0.3), with_nmi(k2=0.2, k3=0.25)]) == 1
    assert best_space([with_nmi(k2=0.2, k3=0.3), with_nmi(k2=0.3, k3=0.2)]) == 0


def test_spaces_are_compared_on_shared_k_only():
    assert best_space([with_nmi(k2=0.1, k3=0.9), with_nmi(k2=0.2)]) == 1


def test_spaces_without_genres_are_compared_with_stability():
    assert best_space([with_stability(0.9, 0.2), with_stability(0.6, 0.6)]) == 1


def test_first_space_is_chosen_if_no_score_is_shared(caplog):
    unscored = [Score(2)]
    assert best_space([unscored, with_stability(0.9)]) == 0
    assert "no k with a genre or stability score" in caplog.text
    assert best_space([with_nmi(k2=0.1), with_nmi(k3=0.9)]) == 0
    assert best_space([unscored]) == 0
