"""The commands and the Python of the tutorials and how-to pages run as printed, and print what the pages show.

All run in one folder, in the order of the front page: the tutorials, and with ``SEGUE_ALL_PAGES=1`` (``make pages``)
the how-to pages too, which takes ten minutes. With ``SEGUE_UPDATE_PAGES=1`` the pages are changed instead.
"""

import os
import re
import shutil
from collections import Counter

import pytest
from tests.helpers.page_commands import (
    DOCS,
    PROJECT,
    commands,
    copy_checkout,
    fences,
    normalised,
    run_command,
    run_python,
    steps_of_page,
    with_outputs,
)

PAGES = re.findall(r"^\| \[.+\]\(((?:tutorial|how_to)/\w+\.md)\)", (DOCS / "index.md").read_text("utf-8"), re.MULTILINE)
RUN = [page for page in PAGES if os.environ.get("SEGUE_ALL_PAGES") or page.startswith("tutorial/")]
UPDATE = bool(os.environ.get("SEGUE_UPDATE_PAGES"))


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """Run everything; return each step with the lines that it printed."""
    if not (PROJECT / ".venv").is_dir() or shutil.which("bash") is None:
        pytest.skip("no .venv in the project: type make setup")
    folder = tmp_path_factory.mktemp("empty") / "segue"
    folder.mkdir()
    copy_checkout(folder)
    steps = [steps_of_page(page) for page in RUN]
    printed = [(step, run_command(step, folder)) for console, _ in steps for step in console]
    blocks = [step for _, python in steps for step in python]
    outputs = run_python([[step.text for step in python] for _, python in steps], folder)
    printed += zip(blocks, outputs, strict=True)
    return [(step, [line.replace(str(folder), "/home/you/segue") for line in lines]) for step, lines in printed]


@pytest.mark.cluster
@pytest.mark.parametrize("page", RUN)
def test_page_shows_what_its_commands_print(page, printed):
    outputs = [(step, lines) for step, lines in printed if step.page == page]
    if UPDATE:
        current = [step for steps in steps_of_page(page) for step in steps]
        assert [step.text for step in current] == [step.text for step, _ in outputs], f"{page} was edited meanwhile"
        text = (DOCS / page).read_text("utf-8")
        printed_now = [(step, lines) for step, (_, lines) in zip(current, outputs, strict=True)]
        (DOCS / page).write_text(with_outputs(text, printed_now), "utf-8")
        return
    for step, lines in outputs:
        assert normalised(lines) == normalised(step.shown), f"{page}:{step.line}: {step.text}"


def test_what_is_not_run_needs_what_a_test_has_not():
    fenced = [fence for page in PAGES for fence in fences((DOCS / page).read_text("utf-8"), page)]
    reasons = Counter(fence.reason for fence in fenced if fence.reason)
    assert reasons == {
        "changes the code": 8,
        "downloads packages": 2,
        "is a test": 1,
        "is interactive": 2,
        "needs HDFS": 2,
        "needs YARN": 2,
        "needs a cluster": 1,
        "needs an S3 server": 3,
    }


def test_every_command_begins_with_a_prompt():
    pages = [path for path in DOCS.rglob("*.md") if path.parent != DOCS]
    fenced = [fence for path in pages for fence in fences(path.read_text("utf-8"), path.name)]
    assert [f"{fence.page}:{fence.line}" for fence in fenced if fence.kind == "console" and not commands(fence)] == []


PAGE = """\
<!-- not run: needs a server -->
```console
$ start
```

1. Then:

   ```console
   $ cat > a <<'END'
   $ no prompt
   END
   $ two \\
     lines
   first
   second
   ```
"""


def test_commands_outputs_and_reasons_are_read():
    server, here = fences(PAGE, "page.md")
    assert (server.reason, here.reason) == ("needs a server", None)
    file, two = commands(here)
    assert (file.text, file.shown) == ("cat > a <<'END'\n$ no prompt\nEND", [])
    assert (two.text, two.shown, two.line, two.end) == ("two \\\n  lines", ["first", "second"], 12, 13)


def test_outputs_are_replaced():
    _, here = fences(PAGE, "page.md")
    file, two = commands(here)
    text = with_outputs(PAGE, [(file, ["new"]), (two, [])])
    assert text == PAGE.replace("   END\n", "   END\n   new\n").replace("   first\n   second\n", "")


def test_variable_parts_of_outputs_are_equal():
    assert normalised(["02:31:16 train: k = 8, 1.2 s", "model 0f3a5c0f3a5c"]) == normalised(
        ["12:00:00 train:  k = 8, 30.0 s", "model aaaaaaaaaa11"]
    )
    assert normalised(["k = 8"]) != normalised(["k = 9"])
