"""Which feature space counts."""

from typing import NamedTuple

from segue.clustering.agreement import Agreement
from segue.clustering.fit import Stability
from segue.clustering.spaces import best_space


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
