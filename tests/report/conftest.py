"""Pages in a real browser: the system's Chromium, one for each module of tests."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from segue.report import page
from segue.report.numbers import ReportNumbers

FIND = Path(__file__).parents[2] / "tools" / "chromium.sh"
# software draws in three dimensions where there is no graphics card
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage"]
LOCAL = ("file:", "data:", "blob:")


class Visit:
    """One open page, and whatever it did that it should not.

    What a test waits for it gives as a function, "() => …": the page's policy forbids what is evaluated later.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.set_default_timeout(30_000)
        # plotly warns with a trace
        page.on("console", lambda said: self.faults.append(said.text) if said.type in ("error", "trace") else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda one: None if one.url.startswith(LOCAL) else self.faults.append(one.url))
        page.on("dialog", self._dismiss)

    def _dismiss(self, dialog) -> None:
        self.faults.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()

    def draw_all(self) -> None:
        """Scroll through the page until every figure is drawn."""
        for place in self.page.locator(".plot").all():
            place.scroll_into_view_if_needed()
            self.page.wait_for_function("place => place.classList.contains('drawn')", arg=place.element_handle())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = subprocess.run([str(FIND)], capture_output=True, text=True, check=False)
    if found.returncode:
        if os.environ.get("CI"):
            pytest.fail(found.stderr)
        pytest.skip(found.stderr.strip())
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found.stdout.strip(), args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def visit(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Visit]:
    """Render a catalogue, and open it in a window of its own."""

    def opened(found: ReportNumbers, **window: object) -> Visit:
        path = tmp_path_factory.mktemp("page") / "report.html"
        path.write_text(page.render(found, "0f3a5c"), "utf-8")
        visited = Visit(browser.new_page(**window))
        visited.page.goto(path.as_uri())
        return visited

    return opened
