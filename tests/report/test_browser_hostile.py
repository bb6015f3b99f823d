"""Hostile texts in a narrow browser: shown literally, and no script in them runs."""

import pytest
from tests.report import hostile_numbers
from tests.report.hostile_numbers import SHOWN, TEXTS

from segue.report.figures.style import one_line

pytestmark = pytest.mark.browser

TAGS = "() => [...new Set([...document.querySelectorAll('body *')].map(one => one.localName))]"


@pytest.fixture(scope="module")
def opened(visit):
    opened = visit(hostile_numbers.full(), viewport={"width": 390, "height": 844})
    opened.draw_all()
    return opened


@pytest.fixture
def page(opened):
    yield opened.page
    assert opened.faults == []


def cut(text, max_length):
    """Return a text as a figure shows it."""
    return one_line(text, max_length) if len(text) > max_length else text


def test_no_element_is_added_or_wider_than_the_page(page):
    assert page.locator(".plot.drawn").count() == page.locator(".plot").count() == 24
    assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert not {"img", "iframe", "object", "embed", "base"} & set(page.evaluate(TAGS))
    assert page.locator("script").count() == 2 + 1 + 24
    assert page.locator("[onerror], [onmouseover], [onload], [onclick]").count() == 0


def test_tables_show_texts_literally(page):
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    read = [" ".join(text.split()) for text in page.locator("#made > table tbody td:first-child").all_inner_texts()]
    assert read == list(SHOWN.values())
    assert page.locator(".card h3").nth(1).inner_text().split(None, 1)[1] == "</script><script>alert(1)</script>"
    settings = [" ".join(text.split()) for text in page.locator("#made details td").all_inner_texts()]
    assert settings.count("<img src=x onerror=alert(1)>") == 1


def test_the_map_shows_texts_literally(page):
    plot = page.locator("#plot-cluster_map")
    plot.scroll_into_view_if_needed()
    labels = page.evaluate("""async () => {
        const plot = document.getElementById("plot-cluster_map"), read = {}, end = performance.now() + 20000;
        const labeled = (text) => new Promise((resolve, reject) => {
            const look = () => {
                const label = plot.querySelector(".hovertext");
                if (label && label.querySelector(".nums").dataset.unformatted === text) resolve(label);
                else if (performance.now() > end) reject(Error("not shown: " + text));
                else requestAnimationFrame(look);
            };
            look();
        });
        for (const [curve, trace] of plot.data.entries()) for (let point = 0; point < trace.x.length; point += 1) {
            Plotly.Fx.hover(plot, [{ curveNumber: curve, pointNumber: point }]);
            const label = await labeled(trace.text[point]);
            read[3 * point + curve] = [...label.querySelectorAll(".nums .line")].map((line) => line.textContent);
            if (label.querySelector(":not(g, rect, path, text, tspan)")) throw Error(label.outerHTML);
            if (document.documentElement.scrollWidth > innerWidth) throw Error("too wide: " + label.textContent);
        }
        Plotly.Fx.unhover(plot);
        return read;
    }""")
    assert len(labels) == 30
    for number, lines in labels.items():
        expected = cut(SHOWN[TEXTS[int(number) % len(TEXTS)]], 80)
        assert [line.strip("\u2068\u2069") for line in lines] in ([expected] * 2, [expected] * bool(expected))


def test_axes_show_texts_literally(page):
    for name, count in (("genres", len(TEXTS)), ("artists", len(TEXTS)), ("genre_heatmap", 2)):
        ticks = page.locator(f"#plot-{name} .ytick text")
        read = [" ".join(text.split()) for text in ticks.all_text_contents()]
        expected = [cut(text, 24) for text in list(SHOWN.values())[:count] if text]
        assert sorted(read) == sorted(expected)
        assert page.locator(f"#plot-{name} a").count() == 0


def test_the_search_shows_texts_literally(page):
    box = page.locator("#search")
    for typed in ("<img", "{{7*7}}", "שלום", "family", "lone"):
        box.fill(typed)
        (expected,) = (text for text in SHOWN.values() if typed in text)
        hit = page.locator("#hits li")
        assert hit.count() == 1
        assert hit.locator("bdi").all_inner_texts() == [expected, expected]
        page.keyboard.press("Enter")
        assert page.locator("#answer h3 bdi").all_inner_texts() == [expected, expected]
    neighbours = page.locator("#answer ol li")
    assert neighbours.count() == 10
    expected = list(SHOWN.values())[:10]
    assert neighbours.locator(".track bdi:first-child").first.inner_text() == expected[0]
    assert neighbours.locator(".why").all_inner_texts() == expected
    box.fill("x" * 100)
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.guard("page-scripts-by-hash")
def test_an_injected_script_does_not_run(opened):
    page = opened.page
    page.evaluate("""() => {
        const put = (tag, more) => document.body.append(Object.assign(document.createElement(tag), more));
        put("script", { textContent: "window.ran = 'script'" });
        put("div", { innerHTML: "<img src='data:,' onerror='window.ran = 1'><a href='javascript:window.ran=2'>x</a>" });
        document.body.lastChild.lastChild.click();
    }""")
    page.wait_for_function("() => document.body.lastChild.firstChild.complete")
    assert page.evaluate("window.ran") is None
    refused = list(opened.faults)
    opened.faults.clear()
    assert len(refused) >= 2
    assert all("Content Security Policy" in fault for fault in refused)
