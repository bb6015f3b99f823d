"""The page: its texts, figures and data, and the sections that are left out."""

import base64
import hashlib
import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from tests.report import report_numbers
from tests.report.page_reader import Page

from segue.report import numbers, page
from segue.report.figures.style import cluster_colour
from segue.report.page import page_figures

ORIGIN = "0f3a5c"


@pytest.fixture(scope="module")
def text():
    return page.render(report_numbers.full(), ORIGIN)


@pytest.fixture(scope="module")
def full(text):
    return Page(text)


@pytest.fixture(scope="module")
def minimal():
    return Page(page.render(report_numbers.minimal(), ORIGIN))


def test_the_same_numbers_give_the_same_text(text):
    assert page.render(report_numbers.full(), ORIGIN) == text


def test_origin_of_a_page(text):
    assert page.origin_of(text) == ORIGIN
    assert page.origin_of("") is None
    assert page.origin_of("<html>") is None
    late = "x" * 5000 + '<meta name="segue-parsed-from" content="abc">'
    assert page.origin_of(late) is None


def test_the_policy_allows_only_the_two_scripts(full):
    (policy,) = (
        element["content"] for element in full.all("meta") if element["http-equiv"] == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    sums = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in full.scripts]
    assert len(sums) == 2
    assert rules["script-src"].split() == [f"'sha256-{digest}'" for digest in sums]
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    assert not [name for element in full.elements for name in element.attributes if name.startswith("on")]


def test_the_page_loads_nothing(full):
    links = [
        element[name]
        for element in full.elements
        for name in ("href", "src", "action", "data", "poster")
        if element[name]
    ]
    assert all(link == "data:," or link[1:] in full.ids for link in links)
    assert not re.search(r"@import|url\(|https?:|//", full.all("style")[0].raw)
    assert "import(" not in full.scripts[1]
    assert "http" not in full.scripts[1]
    assert full.all("iframe", "object", "embed", "base", "form", "img") == []


def test_ids_are_unique(full):
    assert len(full.ids) == len(set(full.ids))


def test_heading_levels_are_nested(full, minimal):
    for parsed in (full, minimal):
        levels = [int(heading.tag[1]) for heading in parsed.all("h1", "h2", "h3", "h4", "h5", "h6")]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
        assert all(heading.text for heading in parsed.all("h1", "h2", "h3", "h4"))


def test_sections_and_navigation(full, minimal):
    assert [element.text for element in full.all("h2")] == [
        "The clusters",
        "The map",
        "Why three",
        "Loud tracks are more energetic",
        "Against genres",
        "What to play next",
        "How this was made",
    ]
    assert [element.text for element in minimal.all("h2")] == [
        "The clusters",
        "The map",
        "Why three",
        "Loud tracks are more energetic",
        "How this was made",
    ]
    for parsed in (full, minimal):
        sections = [section["id"] for section in parsed.all("section")]
        assert [link["href"] for link in parsed.all("a", within="nav")] == [f"#{name}" for name in sections]


def test_missing_columns_leave_no_trace(full, minimal):
    missing = re.compile("genre|popular|year|artist|decade", re.I)
    assert missing.search(full.words)
    assert missing.search(minimal.words) is None
    assert {name for name in minimal.data if missing.search(name)} == set()
    assert minimal.data["data-page"]["similar"] == []
    assert minimal.data["data-page"]["years"] == {}


def test_the_facts_below_the_title(full):
    assert full.all("h1")[0].text == "Three ways your catalogue sounds"
    assert full.classed("brand")[0].text == "segue2,000 tracks · 3 clusters · 9 November 2025"
    facts = [element.text for element in full.all("li", within="ul") if "header" in element.parents]
    assert facts[:3] == ["2,000 tracks", "6 rows rejected, 4 duplicates", "3 clusters of 2 to 5 tried"]
    assert facts[3].startswith("silhouette 0.31, fair what is this?")


def test_a_card_for_each_cluster(full):
    cards = full.classed("card")
    assert [element["style"] for element in cards] == [f"--own:{cluster_colour(number)}" for number in (1, 2, 3)]
    assert [element.text for element in full.all("h3", within="article")] == [
        "1 Loud, energetic",
        "2 Calm, acoustic",
        "3 Fast, danceable",
    ]
    assert [element.text for element in full.classed("size")] == [
        "1,200 tracks, 60 %",
        "600 tracks, 30 %",
        "200 tracks, 10 %",
    ]
    meters = [element["style"] for element in full.all("i", within="p")]
    assert meters == ["width:100.0%", "width:50.0%", "width:16.7%"]
    assert "rock 50 % ×1.4" in cards[0].text
    assert "pop 25 %" in cards[0].text and "×1.1" not in cards[0].text
    assert cards[1].text.endswith("TypicalSong 10 Artist 3Song 11 Artist 4Song 12 Artist 5")


def test_bars_show_deviations_from_the_mean(full):
    bars = [element["style"] for element in full.all("i", within="li")]
    tempo, energy = bars[0 :: len(report_numbers.MEANS)], bars[2 :: len(report_numbers.MEANS)]
    assert tempo == ["left:50.0%;width:0.0%", "left:25.0%;width:25.0%", "left:50.0%;width:50.0%"]
    # full length at two and a half standard deviations
    assert energy == ["left:50.0%;width:20.0%", "left:0.0%;width:50.0%", "left:50.0%;width:4.0%"]
    labels = [element.text for element in full.all("li", within="article") if element.text.startswith("Energy")]
    assert labels[1] == "Energy24 %, 3.0 standard deviations below the mean"


def test_every_figure_has_a_description(full):
    plots = full.classed("plot")
    assert sorted(plot["data-figure"] for plot in plots) == sorted(page_figures(report_numbers.full()))
    assert {f"figure-{plot['data-figure']}" for plot in plots} == set(full.data) - {"data-page"}
    assert {plot["role"] for plot in plots} == {"img"}
    labels = {plot["data-figure"]: plot["aria-label"] for plot in plots}
    assert all(len(text) > 15 for text in labels.values())
    assert len(set(labels.values())) == len(labels)
    assert labels["cluster_map"].endswith("Farther right: more acoustic, slower. Farther up: faster.")
    assert labels["distribution_duration_s"] == "Length: median 3:00"
    assert labels["silhouette_by_cluster"] == "Mean silhouette of each cluster: 1 0.41, 2 0.18, 3 0.07"


def test_every_control_has_a_label(full):
    labels = full.all("label")
    for element in full.all("select"):
        assert "label" in element.parents
    assert any(label["for"] == "search" for label in labels)
    assert all(element.text for element in full.all("button", "summary", "a"))


def test_data_for_the_script(full):
    data = full.data["data-page"]
    # a list for each trace of the 3-D scatter; fractions as per cent
    assert data["values"]["bpm"] == [[round(121.6 + n, 1) for n in range(start, 30, 3)] for start in (0, 1, 2)]
    assert data["values"]["energy"][0][:2] == [2.7, 10.8]
    assert data["labels"]["energy"] == "Energy, %"
    assert data["years"]["duration_s"]["y"][:2] == [None, pytest.approx(205 / 60)]
    assert data["years"]["duration_s"]["customdata"][:2] == ["", "3:25"]
    assert data["colours"] == {"1": "#3f90da", "2": "#ffa90e", "3": "#bd1f01"}
    assert data["similar"][1]["title"] == "Déjà Vu"
    assert data["similar"][0]["neighbours"][9] == {
        "title": "Song 29", "artist": "Artist 1", "cluster": 1, "reason": "within 10 BPM",
    }  # fmt: skip


def test_figures_are_embedded_as_json(full):
    drawn = page_figures(report_numbers.full())
    for name, figure in drawn.items():
        block = full.data[f"figure-{name}"]
        assert len(block["data"]) == len(figure.data)
        assert block["layout"]["height"] == figure.layout.height
    assert full.data["figure-silhouette_by_k"]["data"][0]["y"] == [0.35, 0.31, 0.28, 0.24]
    assert full.data["figure-feature_by_year"]["layout"]["yaxis"]["title"]["text"] == "Acousticness, %"


def test_a_cluster_has_one_colour(full):
    block = full.data["figure-scatter_3d"]["data"], full.data["figure-cluster_map"]["data"]
    for traces in block:
        assert {trace["meta"]["cluster"]: trace["marker"]["color"] for trace in traces} == {
            number: cluster_colour(number) for number in (1, 2, 3)
        }
    assert full.data["figure-silhouette_by_cluster"]["data"][0]["marker"]["color"] == [
        cluster_colour(n) for n in (1, 2, 3)
    ]
    dots = [element["style"] for element in full.classed("dot", within="button")]
    assert dots == [f"background:{cluster_colour(number)}" for number in (1, 2, 3)]


def test_nan_is_null():
    base = report_numbers.full()
    base.points.values["energy"][3] = float("nan")
    base.correlations.r[2, :] = base.correlations.r[:, 2] = np.inf
    parsed = Page(page.render(base, ORIGIN))
    assert parsed.data["data-page"]["values"]["energy"][0][1] is None
    assert parsed.data["figure-scatter_3d"]["data"][0]["y"][1] is None


def test_provenance(full):
    rows = dict(
        zip(
            [element.text for element in full.all("th") if element["scope"] == "row"],
            [element.text for element in full.all("bdi", within="details")],
            strict=True,
        )
    )
    assert rows == {
        "Model": "20251122T101500-0a1b2c3d",
        "Trained": "2025-11-22 10:15 UTC",
        "Labeled": "2025-11-09 23:05 UTC",
        "Space": "minmax: bpm, loudness",
        "Engine": "fused, 10 restarts",
        "Tables": "k_scores version 1, labeled_tracks version 3",
        "Versions": "pyspark 4.2.0, segue 0.1.0",
        "clustering.ks": "2 to 5",
        "clustering.tol": "0.001",
        "clustering.seed": "0",
        "features.weights": "bpm 0.5",
        "features.log": "none",
        "features.columns": "bpm, loudness",
        "recommend.other_releases": "no",
        "selection.k": "none",
    }
    assert "Outliers, far from the centre of their cluster: 12." in full.words
    assert "Missing values: 3 tracks without popularity." in full.words
    reasons = [element.text for element in full.all("tr", within="section") if "details" not in element.parents]
    assert reasons == ["ReasonRows", "bpm missing4", "acousticness 'f' is not a number2"]


def test_a_sample_is_declared(full):
    assert "30 of 2,000 are drawn, each cluster in proportion to its size, small ones in a larger share" in full.words
    base = report_numbers.full()
    complete = replace(base, points=replace(base.points, n_tracks=30))
    assert "are drawn" not in Page(page.render(complete, ORIGIN)).words


def test_a_single_k_has_no_curve():
    base = report_numbers.full()
    parsed = Page(page.render(replace(base, k_scores=[base.k_scores[1]]), ORIGIN))
    assert "tried" not in parsed.words
    assert not {"plot-silhouette_by_k", "plot-inertia_by_k"} & set(parsed.ids)


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["valence", "bpm"], ["bpm", "valence", "bpm"]), (["valence"], ["valence"] * 3)],
)
def test_one_feature_is_enough_for_three_axes(names, expected):
    base = report_numbers.minimal()
    values = {name: base.points.values[name] for name in names}
    parsed = Page(page.render(replace(base, points=replace(base.points, values=values)), ORIGIN))
    starts = [element["value"] for element in parsed.all("option") if "selected" in element.attributes]
    assert starts == expected
    assert len(parsed.data["figure-scatter_3d"]["data"][0]["z"]) == 10


def test_the_page_of_a_large_catalogue_is_below_8_mb():
    base, n = report_numbers.full(), 5000
    rng = np.random.default_rng(0)
    long = "A title of a length that few titles have, & such as < this >"
    tracks = [numbers.TrackReference(f"{i:022}", f"{i} {long}", f"{i} {long}"[:30]) for i in range(n)]
    neighbours = [numbers.Neighbour(track, 1, "both acoustic and calm, within 2 BPM") for track in tracks[:10]]
    large = replace(
        base,
        n_tracks=10_000_000,
        points=numbers.Points(
            tracks, [1 + i % 3 for i in range(n)], {name: rng.random(n) for name in report_numbers.MEANS},
            rng.random(n), rng.random(n), 10_000_000,
        ),
        similar_tracks=[numbers.SimilarTracks(track, 1, neighbours) for track in tracks[:360]],
    )  # fmt: skip
    assert len(page.render(large, ORIGIN).encode()) < 8_000_000
