"""The page in a browser: hover, switches, axes, search and keyboard."""

import json

import pytest
from tests.report import report_numbers

pytestmark = pytest.mark.browser

BUTTONS = ["Download plot as a PNG", "Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes"]
WIDE = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def opened(visit):
    opened = visit(report_numbers.full(), viewport=WIDE, color_scheme="light")
    opened.draw_all()
    return opened


@pytest.fixture
def page(opened):
    """The page; each test restores its state."""
    opened.page.locator("#search").fill("")
    yield opened.page
    assert opened.faults == []


def figure(page, name, path):
    """Return a property of a figure's element, where plotly has its data and layout."""
    return page.evaluate(f"document.getElementById('plot-{name}').{path}")


def wait_for(page, name, path, expected):
    page.wait_for_function(
        f"expected => JSON.stringify(document.getElementById('plot-{name}').{path}) === expected",
        arg=json.dumps(expected, separators=(",", ":"), ensure_ascii=False),
    )


def test_every_figure_is_drawn(page):
    plots = page.locator(".plot")
    assert plots.count() == 24
    assert page.locator(".plot.drawn").count() == 24
    # each has a drawing, no wider than its element
    widths = page.evaluate(
        "[...document.querySelectorAll('.plot')].map(p => [p.querySelector('.main-svg').clientWidth, p.clientWidth])"
    )
    assert all(0 < drawn <= available for drawn, available in widths)
    assert page.locator("#plot-scatter_3d canvas").count() >= 1
    assert figure(page, "scatter_3d", "_fullLayout.scene._scene.glplot.gl.isContextLost()") is False
    assert page.locator("#plot-cluster_map .scatterlayer .trace").count() == 3
    assert page.locator("#plot-cluster_map .points path").count() == 30
    assert page.locator(".no-webgl").count() == 0


def test_hovering_a_point_shows_title_and_artist(page):
    page.locator("#plot-cluster_map").scroll_into_view_if_needed()
    # the last trace is on top
    x, y = page.evaluate("""() => {
        const plot = document.getElementById("plot-cluster_map"), box = plot.getBoundingClientRect();
        const { xaxis, yaxis } = plot._fullLayout, trace = plot.data[2];
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
def test_switches_hide_clusters_in_both_maps(page, how):
    def press(cluster):
        button = page.locator(f"[data-cluster='{cluster}']")
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
def test_an_axis_can_show_another_feature(page, axis, start, name, title, values):
    choice = page.locator(f"[data-axis={axis}]")
    assert choice.input_value() == start
    before = figure(page, "scatter_3d", f"data[1].{axis}")
    choice.select_option(name)
    wait_for(page, "scatter_3d", f"layout.scene.{axis}axis.title.text", title)
    assert figure(page, "scatter_3d", f"data[0].{axis}") == pytest.approx(values, abs=0.0051)
    assert figure(page, "scatter_3d", f"data[1].{axis}") != before
    # in plotly's computed layout too
    assert figure(page, "scatter_3d", f"_fullLayout.scene.{axis}axis.title.text") == title
    choice.select_option(start)
    wait_for(page, "scatter_3d", f"data[1].{axis}", before)


def test_the_years_can_show_another_feature(page):
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


def test_search_with_the_keyboard(page):
    box = page.locator("#search")
    assert answer(page) == "After Song 0 Artist 0 1"
    assert box.get_attribute("aria-expanded") == "false"
    box.focus()
    # the search ignores accents and the order of the words
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


def test_arrow_keys_in_the_list_of_matches(page):
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
    # an arrow key reopens the list at its beginning
    page.keyboard.press("ArrowDown")
    assert page.locator("#hits").is_visible()
    assert box.get_attribute("aria-expanded") == "true"
    assert chosen.inner_text() == "Song 0 Artist 0"
    page.keyboard.type(" 4")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    assert answer(page) != "After Song 4 Artist 4 2"  # nothing is chosen from a hidden list
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert answer(page) == "After Song 4 Artist 4 2"


def test_choosing_a_match_with_the_mouse(page):
    page.locator("#search").fill("song 11")
    page.locator("#hits li").click()
    assert answer(page) == "After Song 11 Artist 4 3"


def test_search_without_match(page):
    page.locator("#search").fill("no such thing")
    assert page.locator("#hits li").all_inner_texts() == ["No match among the tracks listed here."]
    before = answer(page)
    page.keyboard.press("ArrowDown")
    assert page.locator("#hits [aria-selected]").count() == 0
    page.keyboard.press("Enter")
    assert answer(page) == before
    page.locator("#search").fill("  ")
    assert page.locator("#hits").is_hidden()


def test_a_track_without_similar_tracks(page):
    page.locator("#search").fill("alone")
    page.keyboard.press("Enter")
    assert answer(page) == "After Alone 2"
    assert page.locator("#answer .about").inner_text() == "No similar tracks."
    assert page.locator("#answer ol").count() == 0


def test_tab_order_of_the_controls(page):
    page.locator("[data-cluster='1']").focus()
    order = []
    while "z" not in order and len(order) < 30:
        order.append(page.evaluate("(({ dataset: d }) => d.cluster || d.axis || d.title)(document.activeElement)"))
        page.keyboard.press("Tab")
    # the buttons of the map are between the switches and the axes
    assert order == ["1", "2", "3", "all", "none", *BUTTONS, "x", "y", "z"]


def test_a_focused_mode_bar_is_visible(page):
    group = page.locator("#plot-scatter_3d .modebar-group").first
    opacity = "([group, expected]) => getComputedStyle(group).opacity === expected"
    page.mouse.move(0, 0)  # outside the figure
    page.wait_for_function(opacity, arg=[group.element_handle(), "0"])
    group.locator("button").focus()
    page.wait_for_function(opacity, arg=[group.element_handle(), "1"])


def test_no_figure_offers_an_upload(page):
    buttons = set(page.locator(".modebar-btn").evaluate_all("all => all.map(one => one.dataset.title)"))
    assert buttons == {*BUTTONS, "Orbital rotation", "Turntable rotation", "Reset camera to default"}
    assert figure(page, "cluster_map", "_context.plotlyServerURL") == ""


def test_download_of_a_picture(page):
    with page.expect_download() as download:
        page.locator("#plot-silhouette_by_k").hover()
        page.locator("#plot-silhouette_by_k .modebar-btn").click()
    assert download.value.path().read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
