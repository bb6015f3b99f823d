"""The page: what it says, what it holds, and what it leaves out."""

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

ORIGIN = "0f3a5c"


@pytest.fixture(scope="module")
def text():
    return page.render(report_numbers.tables(), ORIGIN)


@pytest.fixture(scope="module")
def full(text):
    return Page(text)


@pytest.fixture(scope="module")
def bare():
    return Page(page.render(report_numbers.bare(), ORIGIN))


def test_the_same_numbers_give_the_same_text(text):
    assert page.render(report_numbers.tables(), ORIGIN) == text


def test_what_it_was_made_from_is_found_again(text):
    assert page.origin_of(text) == ORIGIN
    assert page.origin_of("") is None
    assert page.origin_of("<html>") is None
    late = "x" * 5000 + '<meta name="segue-made-from" content="abc">'
    assert page.origin_of(late) is None


def test_only_its_own_two_scripts_may_run(full):
    (policy,) = (one["content"] for one in full.all("meta") if one["http-equiv"] == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    sums = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in full.scripts]
    assert len(sums) == 2
    assert rules["script-src"].split() == [f"'sha256-{one}'" for one in sums]
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    assert not [name for one in full.elements for name in one.attributes if name.startswith("on")]


def test_it_needs_nothing_but_itself(full):
    links = [one[name] for one in full.elements for name in ("href", "src", "action", "data", "poster") if one[name]]
    assert all(link == "data:," or link[1:] in full.ids for link in links)
    assert not re.search(r"@import|url\(|https?:|//", full.all("style")[0].raw)
    assert "import(" not in full.scripts[1]
    assert "http" not in full.scripts[1]
    assert full.all("iframe", "object", "embed", "base", "form", "img") == []


def test_no_id_comes_twice(full):
    assert len(full.ids) == len(set(full.ids))


def test_headings_stand_in_order(full, bare):
    for one in (full, bare):
        levels = [int(heading.tag[1]) for heading in one.all("h1", "h2", "h3", "h4", "h5", "h6")]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
        assert all(heading.text for heading in one.all("h1", "h2", "h3", "h4"))


def test_the_sections(full, bare):
    assert [one.text for one in full.all("h2")] == [
        "The clusters",
        "The map",
        "Why three",
        "Loud tracks are more energetic",
        "Against genres",
        "What to play next",
        "How this was made",
    ]
    assert [one.text for one in bare.all("h2")] == [
        "The clusters",
        "The map",
        "Why three",
        "Loud tracks are more energetic",
        "How this was made",
    ]
    for one in (full, bare):
        sections = [section["id"] for section in one.all("section")]
        assert [link["href"] for link in one.all("a", within="nav")] == [f"#{name}" for name in sections]


def test_of_what_nobody_knows_nothing_is_said(full, bare):
    unknown = re.compile("genre|popular|year|artist|decade", re.I)
    assert unknown.search(full.words)
    assert unknown.search(bare.words) is None
    assert {name for name in bare.data if unknown.search(name)} == set()
    assert bare.data["data-page"]["similar"] == []
    assert bare.data["data-page"]["years"] == {}


def test_the_facts(full):
    assert full.all("h1")[0].text == "Three ways your catalogue sounds"
    assert full.classed("brand")[0].text == "segue2,000 tracks · 3 clusters · 9 November 2025"
    facts = [one.text for one in full.all("li", within="ul") if "header" in one.parents]
    assert facts[:3] == ["2,000 tracks", "6 rows rejected, 4 repeated", "3 clusters of 2 to 5 tried"]
    assert facts[3].startswith("silhouette 0.31, fair what is this?")


def test_a_card_for_each_cluster(full):
    cards = full.classed("card")
    assert [one["style"] for one in cards] == [f"--own:{cluster_colour(number)}" for number in (1, 2, 3)]
    assert [one.text for one in full.all("h3", within="article")] == [
        "1 Loud, energetic",
        "2 Calm, acoustic",
        "3 Fast, danceable",
    ]
    assert [one.text for one in full.classed("size")] == ["1,200 tracks, 60 %", "600 tracks, 30 %", "200 tracks, 10 %"]
    meters = [one["style"] for one in full.all("i", within="p")]
    assert meters == ["width:100.0%", "width:50.0%", "width:16.7%"]
    assert "rock 50 % ×1.4" in cards[0].text
    assert "pop 25 %" in cards[0].text and "×1.1" not in cards[0].text
    assert cards[1].text.endswith("TypicalSong 10 Artist 3Song 11 Artist 4Song 12 Artist 5")


def test_bars_reach_as_far_as_a_mean_lies_from_the_middle(full):
    bars = [one["style"] for one in full.all("i", within="li")]
    tempo, energy = bars[0 :: len(report_numbers.MEANS)], bars[2 :: len(report_numbers.MEANS)]
    assert tempo == ["left:50.0%;width:0.0%", "left:25.0%;width:25.0%", "left:50.0%;width:50.0%"]
    # two and a half deviations are the end of a bar
    assert energy == ["left:50.0%;width:20.0%", "left:0.0%;width:50.0%", "left:50.0%;width:4.0%"]
    told = [one.text for one in full.all("li", within="article") if one.text.startswith("Energy")]
    assert told[1] == "Energy24 %, 3.0 standard deviations below the middle"


def test_every_figure_says_what_it_shows(full):
    plots = full.classed("plot")
    assert sorted(one["data-figure"] for one in plots) == sorted(page.drawings(report_numbers.tables()))
    assert {f"figure-{one['data-figure']}" for one in plots} == set(full.data) - {"data-page"}
    assert {one["role"] for one in plots} == {"img"}
    told = {one["data-figure"]: one["aria-label"] for one in plots}
    assert all(len(text) > 15 for text in told.values())
    assert len(set(told.values())) == len(told)
    assert told["cluster_map"].endswith("Farther right: more acoustic, slower. Farther up: faster.")
    assert told["distribution_duration_s"] == "Length: median 3:00"
    assert told["silhouette_by_cluster"] == "Mean silhouette of each cluster: 1 0.41, 2 0.18, 3 0.07"


def test_every_control_has_a_name(full):
    labels = full.all("label")
    for one in full.all("select"):
        assert "label" in one.parents
    assert any(label["for"] == "search" for label in labels)
    assert all(one.text for one in full.all("button", "summary", "a"))


def test_data_for_the_script(full):
    data = full.data["data-page"]
    # a list for each trace of the 3-D scatter; fractions as per cent
    assert data["values"]["bpm"] == [[round(121.6 + n, 1) for n in range(start, 30, 3)] for start in (0, 1, 2)]
    assert data["values"]["energy"][0][:2] == [2.7, 10.8]
    assert data["titled"]["energy"] == "Energy, %"
    assert data["years"]["duration_s"]["y"][:2] == [None, pytest.approx(205 / 60)]
    assert data["years"]["duration_s"]["customdata"][:2] == ["", "3:25"]
    assert data["colours"] == {"1": "#3f90da", "2": "#ffa90e", "3": "#bd1f01"}
    assert data["similar"][1]["title"] == "Déjà Vu"
    assert data["similar"][0]["near"][9] == {
        "title": "Song 29", "artist": "Artist 1", "cluster": 1, "why": "within 10 BPM",
    }  # fmt: skip


def test_figures_are_parsed_back_as_they_were_drawn(full):
    drawn = page.drawings(report_numbers.tables())
    for name, figure in drawn.items():
        block = full.data[f"figure-{name}"]
        assert len(block["data"]) == len(figure.data)
        assert block["layout"]["height"] == figure.layout.height
    assert full.data["figure-silhouette_by_k"]["data"][0]["y"] == [0.35, 0.31, 0.28, 0.24]
    assert full.data["figure-feature_by_year"]["layout"]["yaxis"]["title"]["text"] == "Acousticness, %"


def test_a_cluster_has_the_same_colour_everywhere(full):
    block = full.data["figure-scatter_3d"]["data"], full.data["figure-cluster_map"]["data"]
    for traces in block:
        assert {one["meta"]["cluster"]: one["marker"]["color"] for one in traces} == {
            number: cluster_colour(number) for number in (1, 2, 3)
        }
    assert full.data["figure-silhouette_by_cluster"]["data"][0]["marker"]["color"] == [
        cluster_colour(n) for n in (1, 2, 3)
    ]
    dots = [one["style"] for one in full.classed("dot", within="button")]
    assert dots == [f"background:{cluster_colour(number)}" for number in (1, 2, 3)]


def test_a_number_that_is_none_is_null():
    found = report_numbers.tables()
    found.points.values["energy"][3] = float("nan")
    found.correlations.r[2, :] = found.correlations.r[:, 2] = np.inf
    made = Page(page.render(found, ORIGIN))
    assert made.data["data-page"]["values"]["energy"][0][1] is None
    assert made.data["figure-scatter_3d"]["data"][0]["y"][1] is None


def test_how_it_was_made(full):
    told = dict(
        zip(
            [one.text for one in full.all("th") if one["scope"] == "row"],
            [one.text for one in full.all("bdi", within="details")],
            strict=True,
        )
    )
    assert told == {
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
    assert "Tracks that lie far from the middle of their cluster: 12." in full.words
    assert "Missing values: 3 tracks without popularity." in full.words
    rows = [one.text for one in full.all("tr", within="section") if "details" not in one.parents]
    assert rows == ["ReasonRows", "bpm missing4", "acousticness 'f' is not a number2"]


def test_a_sample_is_called_one(full):
    assert "30 of 2,000 are drawn, each cluster in proportion" in full.words
    found = report_numbers.tables()
    whole = replace(found, points=replace(found.points, n_tracks=30))
    assert "are drawn" not in Page(page.render(whole, ORIGIN)).words


def test_one_number_of_clusters_was_no_choice():
    found = report_numbers.tables()
    made = Page(page.render(replace(found, scores=[found.scores[1]]), ORIGIN))
    assert "tried" not in made.words
    assert not {"plot-silhouette_by_k", "plot-inertia_by_k"} & set(made.ids)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [(["valence", "bpm"], ["bpm", "valence", "bpm"]), (["valence"], ["valence"] * 3)],
)
def test_one_feature_is_enough_for_three_axes(names, wanted):
    found = report_numbers.bare()
    kept = {name: found.points.values[name] for name in names}
    made = Page(page.render(replace(found, points=replace(found.points, values=kept)), ORIGIN))
    starts = [one["value"] for one in made.all("option") if "selected" in one.attributes]
    assert starts == wanted
    assert len(made.data["figure-scatter_3d"]["data"][0]["z"]) == 10


def test_a_large_catalogue_stays_below_eight_megabytes():
    found, n = report_numbers.tables(), 5000
    chance = np.random.default_rng(0)
    long = "A title of a length that few titles have, & such as < this >"
    tracks = [numbers.TrackReference(f"{i:022}", f"{i} {long}", f"{i} {long}"[:30]) for i in range(n)]
    near = [numbers.Neighbour(track, 1, "both acoustic and calm, within 2 BPM") for track in tracks[:10]]
    large = replace(
        found,
        n_tracks=10_000_000,
        points=numbers.Points(
            tracks, [1 + i % 3 for i in range(n)], {name: chance.random(n) for name in report_numbers.MEANS},
            chance.random(n), chance.random(n), 10_000_000,
        ),
        similar=[numbers.Similar(track, 1, near) for track in tracks[:360]],
    )  # fmt: skip
    assert len(page.render(large, ORIGIN).encode()) < 8_000_000
