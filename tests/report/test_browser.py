"""The page as its reader uses it, in a real browser."""

import json

import pytest
from tests.report import report_numbers

pytestmark = pytest.mark.browser

BUTTONS = ["Download plot as a PNG", "Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes"]
WIDE = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def opened(visit):
    found = visit(report_numbers.tables(), viewport=WIDE, color_scheme="light")
    found.draw_all()
    return found


@pytest.fixture
def page(opened):
    """The page, which each test leaves as it found it."""
    opened.page.locator("#search").fill("")
    yield opened.page
    assert opened.faults == []


def figure(page, name, path):
    """Return a part of what plotly holds of a figure."""
    return page.evaluate(f"document.getElementById('plot-{name}').{path}")


def wait_for(page, name, path, wanted):
    page.wait_for_function(
        f"wanted => JSON.stringify(document.getElementById('plot-{name}').{path}) === wanted",
        arg=json.dumps(wanted, separators=(",", ":"), ensure_ascii=False),
    )


def test_every_figure_is_drawn(page):
    places = page.locator(".plot")
    assert places.count() == 24
    assert page.locator(".plot.drawn").count() == 24
    # something stands in each, and none is wider than its place
    widths = page.evaluate(
        "[...document.querySelectorAll('.plot')].map(p => [p.querySelector('.main-svg').clientWidth, p.clientWidth])"
    )
    assert all(0 < drawn <= room for drawn, room in widths)
    assert page.locator("#plot-scatter_3d canvas").count() >= 1
    assert figure(page, "scatter_3d", "_fullLayout.scene._scene.glplot.gl.isContextLost()") is False
    assert page.locator("#plot-cluster_map .scatterlayer .trace").count() == 3
    assert page.locator("#plot-cluster_map .points path").count() == 30
    assert page.locator(".no-webgl").count() == 0


def test_a_track_is_named_where_the_mouse_points(page):
    page.locator("#plot-cluster_map").scroll_into_view_if_needed()
    # the last trace lies on top
    x, y = page.evaluate("""() => {
        const place = document.getElementById("plot-cluster_map"), box = place.getBoundingClientRect();
        const { xaxis, yaxis } = place._fullLayout, trace = place.data[2];
        return [box.x + xaxis._offset + xaxis.l2p(trace.x[9]), box.y + yaxis._offset + yaxis.l2p(trace.y[9])];
    }""")
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    label = page.locator("#plot-cluster_map .hovertext")
    label.wait_for()
    lines = [line.strip("\u2068\u2069") for line in label.locator(".line").all_text_contents()]
    assert lines == ["Song 29", "Artist 1"]
    assert label.locator(".name").text_content() == "3"
    page.mouse.move(1, 1)
    label.wait_for(state="detached")


@pytest.mark.parametrize("how", ["mouse", "keyboard"])
def test_clusters_are_switched_in_both_maps(page, how):
    def press(which):
        button = page.locator(f"[data-cluster='{which}']")
        if how == "mouse":
            button.click()
        else:
            button.focus()
            page.keyboard.press("Space")

    def shown():
        pressed = [one.get_attribute("aria-pressed") == "true" for one in page.locator("[aria-pressed]").all()]
        for name in ("cluster_map", "scatter_3d"):
            wait_for(page, name, "data.map(trace => trace.visible !== false)", pressed)
        return pressed

    assert shown() == [True, True, True]
    press(2)
    assert shown() == [True, False, True]
    page.wait_for_function("() => document.querySelectorAll('#plot-cluster_map .points path').length === 20")
    press("none")
    assert shown() == [False, False, False]
    press(3)
    assert shown() == [False, False, True]
    press("all")
    assert shown() == [True, True, True]


@pytest.mark.parametrize(
    ("axis", "start", "name", "title", "values"),
    [
        ("x", "bpm", "duration_s", "Length, minutes", [round((205 + n) / 60, 2) for n in range(0, 30, 3)]),
        ("y", "energy", "loudness", "Loudness, dB", [round(-6.2 * (1 + n) / 30, 2) for n in range(0, 30, 3)]),
        ("z", "danceability", "valence", "Cheerfulness, %", [round(50 * (1 + n) / 30, 2) for n in range(0, 30, 3)]),
    ],
)
def test_an_axis_shows_another_feature(page, axis, start, name, title, values):
    choice = page.locator(f"[data-axis={axis}]")
    assert choice.input_value() == start
    before = figure(page, "scatter_3d", f"data[1].{axis}")
    choice.select_option(name)
    wait_for(page, "scatter_3d", f"layout.scene.{axis}axis.title.text", title)
    assert figure(page, "scatter_3d", f"data[0].{axis}") == pytest.approx(values, abs=0.0051)
    assert figure(page, "scatter_3d", f"data[1].{axis}") != before
    # what plotly draws, beside what it was given
    assert figure(page, "scatter_3d", f"_fullLayout.scene.{axis}axis.title.text") == title
    choice.select_option(start)
    wait_for(page, "scatter_3d", f"data[1].{axis}", before)


def test_another_feature_by_year(page):
    choice = page.locator("[data-year]")
    assert choice.input_value() == "acousticness"
    assert figure(page, "feature_by_year", "data[0].y[59]") == pytest.approx(100 * (0.8 - 0.008 * 59))
    choice.select_option("duration_s")
    wait_for(page, "feature_by_year", "layout.yaxis.title.text", "Length, minutes")
    assert figure(page, "feature_by_year", "data[0].y.slice(0, 2)") == [None, pytest.approx(205 / 60)]
    assert figure(page, "feature_by_year", "data[0].customdata.slice(0, 2)") == ["", "3:25"]
    assert "Length, minutes" in page.locator("#plot-feature_by_year .ytitle").text_content()
    choice.select_option("acousticness")
    wait_for(page, "feature_by_year", "layout.yaxis.title.text", "Acousticness, %")


def answer(page):
    return " ".join(page.locator("#answer h3").inner_text().split())


def test_a_track_is_found_by_keyboard(page):
    box = page.locator("#search")
    assert answer(page) == "After Song 0 Artist 0 1"
    assert box.get_attribute("aria-expanded") == "false"
    box.focus()
    # without accents, in any order
    page.keyboard.type("beyonce deja")
    assert page.locator("#hits li").all_inner_texts() == ["Déjà Vu Beyoncé"]
    assert box.get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    chosen = page.locator("#hits [aria-selected=true]")
    assert box.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("Enter")
    assert answer(page) == "After Déjà Vu Beyoncé 2"
    assert page.locator("#hits").is_hidden()
    assert box.get_attribute("aria-expanded") == "false"
    assert box.get_attribute("aria-activedescendant") is None
    near = page.locator("#answer ol li")
    assert near.count() == 10
    assert near.nth(9).locator(".track").inner_text() == "Song 29 Artist 1"
    assert near.nth(9).locator(".number").inner_text() == "2"
    assert near.nth(9).locator(".why").inner_text() == "within 10 BPM"
    assert near.nth(9).locator(".dot").evaluate("dot => getComputedStyle(dot).backgroundColor") == "rgb(255, 169, 14)"


def test_the_list_of_hits_by_arrows(page):
    box, hits = page.locator("#search"), page.locator("#hits li")
    chosen = page.locator("#hits [aria-selected=true]")
    box.focus()
    page.keyboard.type("song")
    assert hits.count() == 8
    assert chosen.count() == 0
    page.keyboard.press("ArrowUp")
    assert chosen.inner_text() == "Song 8 Artist 1"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert chosen.inner_text() == "Song 2 Artist 2"
    page.keyboard.press("Escape")
    assert page.locator("#hits").is_hidden()
    assert box.get_attribute("aria-expanded") == "false"
    # an arrow opens it again, at its beginning
    page.keyboard.press("ArrowDown")
    assert page.locator("#hits").is_visible()
    assert box.get_attribute("aria-expanded") == "true"
    assert chosen.inner_text() == "Song 0 Artist 0"
    page.keyboard.type(" 4")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    assert answer(page) != "After Song 4 Artist 4 2"  # nothing is chosen from a list that nobody sees
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert answer(page) == "After Song 4 Artist 4 2"


def test_a_hit_is_chosen_with_the_mouse(page):
    page.locator("#search").fill("song 11")
    page.locator("#hits li").click()
    assert answer(page) == "After Song 11 Artist 4 3"


def test_what_is_not_there_is_said_to_be_missing(page):
    page.locator("#search").fill("no such thing")
    assert page.locator("#hits li").all_inner_texts() == ["No such track among those listed here."]
    before = answer(page)
    page.keyboard.press("ArrowDown")
    assert page.locator("#hits [aria-selected]").count() == 0
    page.keyboard.press("Enter")
    assert answer(page) == before
    page.locator("#search").fill("  ")
    assert page.locator("#hits").is_hidden()


def test_a_track_without_neighbours(page):
    page.locator("#search").fill("alone")
    page.keyboard.press("Enter")
    assert answer(page) == "After Alone 2"
    assert page.locator("#answer .about").inner_text() == "Nothing in the catalogue is near it."
    assert page.locator("#answer ol").count() == 0


def test_controls_are_reached_by_keyboard_in_their_order(page):
    page.locator("[data-cluster='1']").focus()
    seen = []
    while "z" not in seen and len(seen) < 30:
        seen.append(page.evaluate("(({ dataset: d }) => d.cluster || d.axis || d.title)(document.activeElement)"))
        page.keyboard.press("Tab")
    # the map's own buttons stand between
    assert seen == ["1", "2", "3", "all", "none", *BUTTONS, "x", "y", "z"]


def test_a_figures_buttons_are_seen_where_the_keyboard_reaches_them(page):
    group = page.locator("#plot-scatter_3d .modebar-group").first
    opacity = "([group, wanted]) => getComputedStyle(group).opacity === wanted"
    page.mouse.move(0, 0)  # beside the page
    page.wait_for_function(opacity, arg=[group.element_handle(), "0"])
    group.locator("button").focus()
    page.wait_for_function(opacity, arg=[group.element_handle(), "1"])


def test_no_figure_offers_to_send_its_data_away(page):
    offered = set(page.locator(".modebar-btn").evaluate_all("all => all.map(one => one.dataset.title)"))
    assert offered == {*BUTTONS, "Orbital rotation", "Turntable rotation", "Reset camera to default"}
    assert figure(page, "cluster_map", "_context.plotlyServerURL") == ""


def test_a_figure_is_kept_as_a_picture(page):
    with page.expect_download() as kept:
        page.locator("#plot-silhouette_by_k").hover()
        page.locator("#plot-silhouette_by_k .modebar-btn").click()
    assert kept.value.path().read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
