"""Fixtures that open a page in the system's Chromium, one browser per module of tests."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from segue.report import page
from segue.report.numbers import ReportNumbers

CHROMIUM_PATH = Path(__file__).parents[2] / "tools" / "chromium.sh"
# WebGL by software, where there is no graphics card
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage"]
LOCAL = ("file:", "data:", "blob:")


class Visit:
    """One open page, with its errors, dialogs and requests beyond its own file.

    A condition to wait for is a function, "() => …": the page's policy forbids the evaluation of other strings.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.set_default_timeout(30_000)
        # plotly warns by console.trace
        page.on(
            "console", lambda message: self.faults.append(message.text) if message.type in ("error", "trace") else None
        )
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(LOCAL) else self.faults.append(request.url))
        page.on("dialog", self._dismiss)

    def _dismiss(self, dialog) -> None:
        self.faults.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()

    def draw_all(self) -> None:
        """Scroll to every figure, and wait until it is drawn."""
        for plot in self.page.locator(".plot").all():
            plot.scroll_into_view_if_needed()
            self.page.wait_for_function("plot => plot.classList.contains('drawn')", arg=plot.element_handle())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = subprocess.run([str(CHROMIUM_PATH)], capture_output=True, text=True, check=False)
    if chromium.returncode:
        if os.environ.get("CI"):
            pytest.fail(chromium.stderr)
        pytest.skip(chromium.stderr.strip())
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium.stdout.strip(), args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def visit(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Visit]:
    """Return a function that renders numbers and opens the page in a new window."""

    def visit(numbers: ReportNumbers, **window: object) -> Visit:
        path = tmp_path_factory.mktemp("page") / "report.html"
        path.write_text(page.render(numbers, "0f3a5c"), "utf-8")
        visited = Visit(browser.new_page(**window))
        visited.page.goto(path.as_uri())
        return visited

    return visit
