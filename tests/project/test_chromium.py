"""Finding and installing a Chromium, on machines made of stand-ins."""

import os
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "chromium.sh"
REAL = ("bash", "cp", "env")
CHROMIUM = "echo Chromium 156.0 built on Debian"


@pytest.fixture
def machine(tmp_path):
    """Return a function that runs the tool where only the given commands exist."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in REAL:
        place = next(Path(part) / name for part in os.get_exec_path() if (Path(part) / name).exists())
        (folder / name).symlink_to(place)

    def run(*words, chosen="", **commands):
        for name, body in ({"id": "echo 1000", "sudo": "exit 1"} | commands).items():
            command = folder / name.replace("_", "-")
            command.write_text(f"#!{folder}/bash\n{body}\n")
            command.chmod(0o755)
        environment = {"PATH": str(folder), "CHROMIUM": chosen}
        done = subprocess.run([str(TOOL), *words], env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.replace(f"{folder}/", ""), done.stderr

    return run


def test_the_first_that_runs_is_taken(machine):
    assert machine(google_chrome="echo Google Chrome 131.0") == (0, "google-chrome\n", "")
    assert machine(chromium_browser=CHROMIUM) == (0, "chromium-browser\n", "")
    assert machine(chromium="exit 1") == (0, "chromium-browser\n", "")
    assert machine(chosen="google-chrome") == (0, "google-chrome\n", "")


def test_a_snap_and_what_stands_in_for_one_are_passed_over(machine):
    code, out, err = machine(chromium="echo Chromium 156.0 snap", chromium_browser="echo requires the chromium snap")
    assert (code, out) == (2, "")
    assert "none was found on PATH; run make browser, or set CHROMIUM to the path of one" in err


def test_without_leave_to_install_it_says_what_to_type(machine, tmp_path):
    code, out, err = machine("--install", apt_get=f"echo called >{tmp_path}/log")
    assert (code, out) == (2, "")
    assert "type: sudo apt-get update && sudo apt-get install -y --no-install-recommends chromium" in err
    assert not (tmp_path / "log").exists()


def test_without_apt_get_it_asks_for_one(machine):
    code, out, err = machine("--install", id="echo 0")
    assert (code, out) == (2, "")
    assert "none was found on PATH; install one, or set CHROMIUM" in err


@pytest.mark.parametrize("who", ["root", "sudo"])
def test_who_may_install_does(machine, tmp_path, who):
    browser, log = tmp_path / "browser", tmp_path / "log"
    browser.write_text(f"#!{tmp_path}/bin/bash\n{CHROMIUM}\n")
    browser.chmod(0o755)
    apt = f'echo "$*" >>{log}\nif [ "$1" = install ]; then cp {browser} {tmp_path}/bin/chromium; else exit 100; fi'
    rights = {"id": "echo 0"} if who == "root" else {"sudo": '[ "$1" = -n ] && shift && exec "$@"', "true": "exit 0"}
    code, out, err = machine("--install", apt_get=apt, **rights)
    assert (code, out) == (0, "chromium\n")
    assert "no Chromium found, so: apt-get install -y --no-install-recommends chromium" in err
    assert log.read_text().splitlines() == ["update -q", "install -y --no-install-recommends chromium"]
