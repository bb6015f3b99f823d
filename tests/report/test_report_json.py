"""``report.json``: every field of the numbers, every figure, and its origin."""

import json
from dataclasses import fields

import numpy as np
import pytest
from tests.report import hostile_numbers, report_numbers

from segue.report import numbers, page
from segue.report.page import page_figures

ORIGIN = "0f3a5c"


@pytest.fixture(scope="module")
def content():
    return json.loads(page.render_json(report_numbers.full(), ORIGIN))


def test_every_field_of_the_numbers_is_a_key(content):
    assert list(content) == ["figures", "numbers", "origin"]
    assert set(content["numbers"]) == {field.name for field in fields(numbers.ReportNumbers)}


def test_values_of_the_numbers(content):
    values = content["numbers"]
    assert (values["n_tracks"], values["k"], values["silhouette"]) == (2000, 3, 0.31)
    assert values["k_scores"][1] == {"k": 3, "silhouette": 0.31, "inertia": 610.0, "stability": None}
    assert values["clusters"][1]["genres"][0] == {"name": "rock", "share": 0.5, "lift": 1.43}
    assert values["agreement"]["shares"] == [[0.5, 0.4, 0.1], [0.25, 0.0, 0.75]]
    assert values["points"]["values"]["bpm"][:3] == [121.6, 122.6, 123.6]
    assert values["projection"]["loadings"]["acousticness"] == [0.9, 0.1]
    assert values["genres"] == [["rock", 700], ["pop", 400], ["jazz", 90]]
    assert values["similar_tracks"][0]["neighbours"][0] == {
        "track": {"track_id": "t20", "title": "Song 20", "artist": "Artist 6"},
        "cluster": 1,
        "reason": "within 1 BPM",
    }


def test_missing_parts_are_null_or_empty():
    values = json.loads(page.render_json(report_numbers.minimal(), ORIGIN))["numbers"]
    assert (values["years"], values["agreement"]) == (None, None)
    assert values["genres"] == values["artists"] == values["popularity"] == values["similar_tracks"] == []


def test_nan_is_null():
    base = report_numbers.full()
    base.correlations.r[0, 1] = np.nan
    base.points.values["energy"][2] = np.inf
    text = page.render_json(base, ORIGIN)
    assert "NaN" not in text and "Infinity" not in text
    values = json.loads(text)["numbers"]
    assert values["correlations"]["r"][0][:2] == [1.0, None]
    assert values["points"]["values"]["energy"][2] is None


def test_figures_are_plotly_json(content):
    drawn = page_figures(report_numbers.full())
    assert content["figures"].keys() == drawn.keys()
    for name, figure in drawn.items():
        assert content["figures"][name] == json.loads(figure.to_json())


def test_the_same_numbers_give_the_same_sorted_text():
    text = page.render_json(report_numbers.full(), ORIGIN)
    assert page.render_json(report_numbers.full(), ORIGIN) == text
    expected = json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert text == expected + "\n"


def test_hostile_texts_are_utf_8():
    text = page.render_json(hostile_numbers.full(), ORIGIN)
    content = json.loads(text.encode("utf-8"))
    titles = [track["title"] for track in content["numbers"]["points"]["tracks"]]
    assert titles[0] == "</script><script>alert(1)</script>"
    assert "lone ? surrogate" in titles
    assert "lone ? surrogate" in content["numbers"]["provenance"]["tables"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"origin": 1}'])
def test_other_texts_have_no_origin(text):
    assert page.json_origin_of(text) is None


def test_origin_of_a_report_json():
    assert page.json_origin_of(page.render_json(report_numbers.minimal(), ORIGIN)) == ORIGIN
