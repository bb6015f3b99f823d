"""Draw the pictures of the documentation from ``out/demo``, the output of ``make demo``. ``make pictures`` runs it.

The pictures show the report, one of its figures, and the output of the command ``segue``. Needs Chromium.
"""

import html
import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

PROJECT = Path(__file__).resolve().parents[1]
PICTURES = PROJECT / "docs" / "pictures"
OUTPUT = "out/demo"
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage"]
COLUMNS = "124"
COMMANDS = (["clusters"], ["similar", "hollow driftwod"])
TERMINAL = """<style>
body {{ margin: 0; padding: 20px 24px; background: #1e2127; color: #d7dae0; display: inline-block }}
pre {{ margin: 0; font: 14px/1.45 "DejaVu Sans Mono", Menlo, monospace }}
b {{ color: #98c379; font-weight: normal }}
</style><pre>{}</pre>"""


def draw_report(page: Page) -> None:
    """Draw two pictures: the first screen of the report, and its map of the clusters."""
    page.goto((PROJECT / OUTPUT / "report.html").as_uri())
    page.wait_for_timeout(500)
    page.screenshot(path=PICTURES / "report.png")
    figure = page.locator("#plot-cluster_map")
    figure.scroll_into_view_if_needed()
    page.wait_for_function("plot => plot.classList.contains('drawn')", arg=figure.element_handle())
    figure.screenshot(path=PICTURES / "map.png")


def draw_terminal(page: Page) -> None:
    """Draw a terminal with ``COMMANDS`` and their output."""
    parts = []
    for words in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", "segue.lookup.cli", *words, "--output", OUTPUT],
            cwd=PROJECT, env=os.environ | {"COLUMNS": COLUMNS}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        typed = " ".join(f'"{word}"' if " " in word else word for word in ("segue", *words, "--output", OUTPUT))
        parts.append(f"<b>$</b> {html.escape(typed)}\n{html.escape(done.stdout)}")
    page.set_content(TERMINAL.format("\n".join(parts)))
    page.locator("body").screenshot(path=PICTURES / "terminal.png")


def main() -> None:
    """Draw all pictures into ``docs/pictures``."""
    chromium = subprocess.run([PROJECT / "tools" / "chromium.sh"], capture_output=True, text=True, check=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.stdout.strip(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 820}, color_scheme="light")
        draw_report(page)
        draw_terminal(page)
        browser.close()


if __name__ == "__main__":
    main()
