"""The page in a browser: narrow, in dark mode, and printed."""

import pytest
from tests.report import report_numbers
from tests.report.figures.test_style import contrast

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
TEXTS = """() => {
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const background = (one) => {
        for (; one; one = one.parentElement) {
            const [r, g, b, a = 1] = channels(getComputedStyle(one).backgroundColor);
            if (a > 0) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const texts = [];
    for (const one of document.querySelectorAll("body *")) {
        const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || one.closest("script, style, noscript, svg, .plot") || !one.checkVisibility()) continue;
        const colour = channels(getComputedStyle(one).color).slice(0, 3);
        texts.push([one.tagName + "." + one.className, colour, background(one)]);
    }
    return texts;
}"""


@pytest.fixture(scope="module")
def opened(visit):
    opened = visit(report_numbers.full(), viewport=PHONE, color_scheme="light", has_touch=True)
    opened.draw_all()
    return opened


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
    """Return the colours of the texts at the axes, and of the titles in the 3-D scatter."""
    flat = page.locator(".plot .xtitle, .plot .ytitle, .plot .xtick text, .plot .ytick text")
    colours = set(flat.evaluate_all("all => all.map(one => getComputedStyle(one).fill)"))
    channels = [[float(part) for part in colour[4:-1].split(",")] for colour in colours]
    deep = page.evaluate("document.getElementById('plot-scatter_3d')._fullLayout.scene.xaxis.title.font.color")
    return {*map(hexadecimal, channels), deep}


def test_controls_work_before_figures_are_drawn(visit):
    opened = visit(report_numbers.full(), viewport=PHONE, color_scheme="light", has_touch=True)
    page = opened.page
    assert page.locator("#plot-scatter_3d.drawn, #plot-feature_by_year.drawn").count() == 0
    page.evaluate("""() => {
        const change = (one, value) => { one.value = value; one.dispatchEvent(new Event("change")); };
        document.querySelector("[data-cluster='2']").click();
        // the second change arrives while the first is being drawn
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
    # before printing, figures that were never scrolled to are drawn too
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


def test_a_narrow_page_has_no_horizontal_scrolling(page):
    widths = "[document.documentElement.scrollWidth, innerWidth]"
    assert page.evaluate(widths) == [390, 390]
    # with all details open too
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.locator("#search").fill("song")
    assert page.evaluate(widths) == [390, 390]
    over = page.evaluate("""[...document.querySelectorAll("main *")].filter((one) =>
        one.checkVisibility() && !one.closest("svg, .hidden") && one.getBoundingClientRect().right > innerWidth + 1
    ).map((one) => one.outerHTML.slice(0, 80))""")
    assert over == []
    lines = page.evaluate("[...document.querySelectorAll('.bars li')].map((one) => one.clientHeight)")
    assert set(lines) == {20}  # each name on one line
    page.locator("#search").fill("")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = false")


def test_touch_scrolls_the_page_instead_of_figures(page):
    fixed = page.evaluate("""[...document.querySelectorAll(".plot")].filter((one) => one._fullLayout.xaxis).map((one) =>
        one._fullLayout.dragmode === false || one._fullLayout.xaxis.fixedrange && one._fullLayout.yaxis.fixedrange)""")
    assert len(fixed) == 23
    assert all(fixed)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_texts(page, scheme):
    page.emulate_media(color_scheme=scheme)
    expected = {"light": "#565b66", "dark": "#aab0bb"}[scheme]
    assert ink(page) == expected
    page.wait_for_function(
        "expected => [...document.querySelectorAll('.plot')].every(one => one.layout.font.color === expected)",
        arg=expected,
    )
    texts = page.evaluate(TEXTS)
    assert len(texts) > 150
    faint = {
        (name, hexadecimal(colour))
        for name, colour, background in texts
        if contrast(*map(hexadecimal, (colour, background))) < 4.5
    }
    assert faint == set()
    assert figure_inks(page) == {expected}
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 19, 24)"}[scheme]
    placeholder = page.evaluate("getComputedStyle(document.getElementById('search'), '::placeholder').color")
    assert contrast(hexadecimal([float(part) for part in placeholder[4:-1].split(",")]), expected) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_printed_page_without_controls(page, scheme):
    page.emulate_media(media="print", color_scheme=scheme)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.plot')].every(one => one.layout.font.color === '#444')"
    )
    visible = "all => all.filter(one => one.checkVisibility({ contentVisibilityAuto: true })).map(one => one.id)"
    assert page.locator("section").evaluate_all(visible) == ["clusters", "map", "why", "data", "genres", "made"]
    for control in ("nav", ".switches", ".axes", ".what", "#search"):
        assert page.locator(control).first.is_hidden()
    # details that are closed on the screen
    assert page.locator("#made details tbody tr").first.is_visible()
    assert "20251122T101500-0a1b2c3d" in page.locator("#made details").inner_text()
    texts = page.evaluate(TEXTS)
    assert min(contrast(hexadecimal(colour), "#ffffff") for _, colour, _ in texts) >= 4.5
    assert {hexadecimal(background) for _, _, background in texts} == {"#ffffff"}
    assert figure_inks(page) == {"#444444", "#444"}
    assert page.locator(".meter i").first.evaluate("one => getComputedStyle(one).printColorAdjust") == "exact"
