"""The page on a phone, in the dark and on paper, in a real browser."""

import pytest
from tests.report import report_numbers
from tests.report.figures.test_style import contrast

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
TEXTS = """() => {
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const ground = (one) => {
        for (; one; one = one.parentElement) {
            const [r, g, b, a = 1] = channels(getComputedStyle(one).backgroundColor);
            if (a > 0) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const found = [];
    for (const one of document.querySelectorAll("body *")) {
        const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || one.closest("script, style, noscript, svg, .plot") || !one.checkVisibility()) continue;
        found.push([one.tagName + "." + one.className, channels(getComputedStyle(one).color).slice(0, 3), ground(one)]);
    }
    return found;
}"""


@pytest.fixture(scope="module")
def opened(visit):
    return visit(report_numbers.tables(), viewport=PHONE, color_scheme="light", has_touch=True)


@pytest.fixture
def page(opened):
    opened.page.emulate_media(color_scheme="light", media="screen")
    yield opened.page
    assert opened.faults == []


def hexadecimal(channels):
    return "#" + "".join(f"{round(part):02x}" for part in channels)


def ink(page):
    return page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink2').trim()")


def figure_inks(page):
    """Return the colours of what is written at the axes, and of the 3-D scatter's titles."""
    flat = page.locator(".plot .xtitle, .plot .ytitle, .plot .xtick text, .plot .ytick text")
    colours = set(flat.evaluate_all("all => all.map(one => getComputedStyle(one).fill)"))
    channels = [[float(part) for part in colour[4:-1].split(",")] for colour in colours]
    deep = page.evaluate("document.getElementById('plot-scatter_3d')._fullLayout.scene.xaxis.title.font.color")
    return {*map(hexadecimal, channels), deep}


def test_before_anything_is_drawn_controls_work_already(opened):
    """The first test here: it needs the page as it was loaded."""
    page = opened.page
    assert page.locator("#plot-scatter_3d.drawn, #plot-feature_by_year.drawn").count() == 0
    page.evaluate("""() => {
        const change = (one, value) => { one.value = value; one.dispatchEvent(new Event("change")); };
        document.querySelector("[data-cluster='2']").click();
        // the second comes while the first still draws
        for (const name of ["energy", "valence"]) change(document.querySelector("[data-axis=x]"), name);
        for (const name of ["bpm", "energy"]) change(document.querySelector("[data-year]"), name);
        document.querySelector("[data-cluster='3']").click();
    }""")
    page.wait_for_selector("#plot-scatter_3d.drawn")
    page.wait_for_selector("#plot-feature_by_year.drawn")
    scatter = "document.getElementById('plot-scatter_3d')"
    page.wait_for_function(f"() => {scatter}.layout.scene.xaxis.title.text === 'Cheerfulness, %'")
    page.wait_for_function(f"() => {scatter}.data.map(one => one.visible !== false).join() === 'true,false,false'")
    assert page.evaluate(f"{scatter}.data[0].x[0]") == pytest.approx(50 / 30, abs=0.006)
    year = "document.getElementById('plot-feature_by_year')"
    page.wait_for_function(f"() => {year}.layout.yaxis.title.text === 'Energy, %'")
    assert page.evaluate(f"{year}.data[0].y[0]") == 81
    # paper has everything, whether it was looked at or not
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.plot')].every(one => one.classList.contains('drawn'))"
    )
    assert page.evaluate("document.getElementById('plot-cluster_map').data.map(one => one.visible !== false)") == [
        True,
        False,
        False,
    ]
    page.evaluate("document.querySelector('[data-cluster=all]').click()")
    page.wait_for_function(f"() => {scatter}.data.every(one => one.visible !== false)")
    assert opened.faults == []


def test_a_phone_shows_it_without_scrolling_sideways(page):
    widths = "[document.documentElement.scrollWidth, innerWidth]"
    assert page.evaluate(widths) == [390, 390]
    # with everything unfolded too
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.locator("#search").fill("song")
    assert page.evaluate(widths) == [390, 390]
    over = page.evaluate("""[...document.querySelectorAll("main *")].filter((one) =>
        one.checkVisibility() && !one.closest("svg, .hidden") && one.getBoundingClientRect().right > innerWidth + 1
    ).map((one) => one.outerHTML.slice(0, 80))""")
    assert over == []
    lines = page.evaluate("[...document.querySelectorAll('.bars li')].map((one) => one.clientHeight)")
    assert set(lines) == {20}  # no feature's name is broken in two
    page.locator("#search").fill("")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = false")


def test_a_finger_that_passes_scrolls_the_page_and_moves_no_figure(page):
    held = page.evaluate("""[...document.querySelectorAll(".plot")].filter((one) => one._fullLayout.xaxis).map((one) =>
        one._fullLayout.dragmode === false || one._fullLayout.xaxis.fixedrange && one._fullLayout.yaxis.fixedrange)""")
    assert len(held) == 23
    assert all(held)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_are_read_in_light_and_in_the_dark(page, scheme):
    page.emulate_media(color_scheme=scheme)
    wanted = {"light": "#565b66", "dark": "#aab0bb"}[scheme]
    assert ink(page) == wanted
    page.wait_for_function(
        "wanted => [...document.querySelectorAll('.plot')].every(one => one.layout.font.color === wanted)", arg=wanted
    )
    texts = page.evaluate(TEXTS)
    assert len(texts) > 150
    faint = {
        (name, hexadecimal(colour))
        for name, colour, ground in texts
        if contrast(*map(hexadecimal, (colour, ground))) < 4.5
    }
    assert faint == set()
    assert figure_inks(page) == {wanted}
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 19, 24)"}[scheme]
    hint = page.evaluate("getComputedStyle(document.getElementById('search'), '::placeholder').color")
    assert contrast(hexadecimal([float(part) for part in hint[4:-1].split(",")]), wanted) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_has_the_sections_without_controls_in_black_on_white(page, scheme):
    page.emulate_media(media="print", color_scheme=scheme)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.plot')].every(one => one.layout.font.color === '#444')"
    )
    visible = "all => all.filter(one => one.checkVisibility({ contentVisibilityAuto: true })).map(one => one.id)"
    assert page.locator("section").evaluate_all(visible) == ["clusters", "map", "why", "data", "genres", "made"]
    for control in ("nav", ".switches", ".axes", ".what", "#search"):
        assert page.locator(control).first.is_hidden()
    # what is folded on a screen
    assert page.locator("#made details tbody tr").first.is_visible()
    assert "20251122T101500-0a1b2c3d" in page.locator("#made details").inner_text()
    texts = page.evaluate(TEXTS)
    assert min(contrast(hexadecimal(colour), "#ffffff") for _, colour, _ in texts) >= 4.5
    assert {hexadecimal(ground) for _, _, ground in texts} == {"#ffffff"}
    assert figure_inks(page) == {"#444444", "#444"}
    assert page.locator(".meter i").first.evaluate("one => getComputedStyle(one).printColorAdjust") == "exact"
