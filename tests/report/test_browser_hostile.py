"""Texts that would be code elsewhere, on a phone, in a real browser: shown as they are, and nothing runs."""

import pytest
from tests.report import hostile_numbers
from tests.report.hostile_numbers import SHOWN, TEXTS

from segue.report.figures.style import short

pytestmark = pytest.mark.browser

TAGS = "() => [...new Set([...document.querySelectorAll('body *')].map(one => one.localName))]"


@pytest.fixture(scope="module")
def opened(visit):
    found = visit(hostile_numbers.tables(), viewport={"width": 390, "height": 844})
    found.draw_all()
    return found


@pytest.fixture
def page(opened):
    yield opened.page
    assert opened.faults == []


def cut(text, longest):
    """Return what a figure shows of a text."""
    return short(text, longest) if len(text) > longest else text


def test_nothing_runs_and_nothing_is_wider_than_the_page(page):
    assert page.locator(".plot.drawn").count() == page.locator(".plot").count() == 24
    assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert not {"img", "iframe", "object", "embed", "base"} & set(page.evaluate(TAGS))
    assert page.locator("script").count() == 2 + 1 + 24
    assert page.locator("[onerror], [onmouseover], [onload], [onclick]").count() == 0


def test_the_page_names_them_as_they_are(page):
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    read = [" ".join(text.split()) for text in page.locator("#made > table tbody td:first-child").all_inner_texts()]
    assert read == list(SHOWN.values())
    assert page.locator(".card h3").nth(1).inner_text().split(None, 1)[1] == "</script><script>alert(1)</script>"
    settings = [" ".join(text.split()) for text in page.locator("#made details td").all_inner_texts()]
    assert settings.count("<img src=x onerror=alert(1)>") == 1


def test_the_map_names_them_as_they_are(page):
    place = page.locator("#plot-cluster_map")
    place.scroll_into_view_if_needed()
    labels = page.evaluate("""async () => {
        const place = document.getElementById("plot-cluster_map"), read = {}, end = performance.now() + 20000;
        const labeled = (text) => new Promise((resolve, reject) => {
            const look = () => {
                const label = place.querySelector(".hovertext");
                if (label && label.querySelector(".nums").dataset.unformatted === text) resolve(label);
                else if (performance.now() > end) reject(Error("not shown: " + text));
                else requestAnimationFrame(look);
            };
            look();
        });
        for (const [curve, trace] of place.data.entries()) for (let point = 0; point < trace.x.length; point += 1) {
            Plotly.Fx.hover(place, [{ curveNumber: curve, pointNumber: point }]);
            const label = await labeled(trace.text[point]);
            read[3 * point + curve] = [...label.querySelectorAll(".nums .line")].map((line) => line.textContent);
            if (label.querySelector(":not(g, rect, path, text, tspan)")) throw Error(label.outerHTML);
            if (document.documentElement.scrollWidth > innerWidth) throw Error("too wide: " + label.textContent);
        }
        Plotly.Fx.unhover(place);
        return read;
    }""")
    assert len(labels) == 30
    for number, lines in labels.items():
        wanted = cut(SHOWN[TEXTS[int(number) % len(TEXTS)]], 80)
        assert [line.strip("\u2068\u2069") for line in lines] in ([wanted] * 2, [wanted] * bool(wanted))


def test_axes_name_them_as_they_are(page):
    for name, count in (("genres", len(TEXTS)), ("artists", len(TEXTS)), ("genre_heatmap", 2)):
        ticks = page.locator(f"#plot-{name} .ytick text")
        read = [" ".join(text.split()) for text in ticks.all_text_contents()]
        wanted = [cut(text, 24) for text in list(SHOWN.values())[:count] if text]
        assert sorted(read) == sorted(wanted)
        assert page.locator(f"#plot-{name} a").count() == 0


def test_the_search_names_them_as_they_are(page):
    box = page.locator("#search")
    for typed in ("<img", "{{7*7}}", "שלום", "family", "lone"):
        box.fill(typed)
        (wanted,) = (text for text in SHOWN.values() if typed in text)
        hit = page.locator("#hits li")
        assert hit.count() == 1
        assert hit.locator("bdi").all_inner_texts() == [wanted, wanted]
        page.keyboard.press("Enter")
        assert page.locator("#answer h3 bdi").all_inner_texts() == [wanted, wanted]
    near = page.locator("#answer ol li")
    assert near.count() == 10
    told = list(SHOWN.values())[:10]
    assert near.locator(".track bdi:first-child").first.inner_text() == told[0]
    assert near.locator(".why").all_inner_texts() == told
    box.fill("x" * 100)
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.guard("page-scripts-by-hash")
def test_a_script_that_gets_in_all_the_same_does_not_run(opened):
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
