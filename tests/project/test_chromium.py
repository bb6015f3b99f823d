"""``tools/chromium.sh`` finds and installs Chromium, with shell scripts in place of the system's commands."""

import os
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "chromium.sh"
REAL_COMMANDS = ("bash", "cp", "env")
CHROMIUM = "echo Chromium 156.0 built on Debian"


@pytest.fixture
def run_tool(tmp_path):
    """Return a function that runs the tool and returns exit code, output and errors; PATH has only given commands."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in REAL_COMMANDS:
        path = next(Path(part) / name for part in os.get_exec_path() if (Path(part) / name).exists())
        (folder / name).symlink_to(path)

    def run(*args, chromium_variable="", **commands):
        for name, body in ({"id": "echo 1000", "sudo": "exit 1"} | commands).items():
            command = folder / name.replace("_", "-")
            command.write_text(f"#!{folder}/bash\n{body}\n")
            command.chmod(0o755)
        environment = {"PATH": str(folder), "CHROMIUM": chromium_variable}
        process = subprocess.run([str(TOOL), *args], env=environment, capture_output=True, text=True, check=False)
        return process.returncode, process.stdout.replace(f"{folder}/", ""), process.stderr

    return run


def test_first_working_command_is_printed(run_tool):
    assert run_tool(google_chrome="echo Google Chrome 131.0") == (0, "google-chrome\n", "")
    assert run_tool(chromium_browser=CHROMIUM) == (0, "chromium-browser\n", "")
    assert run_tool(chromium="exit 1") == (0, "chromium-browser\n", "")
    assert run_tool(chromium_variable="google-chrome") == (0, "google-chrome\n", "")


def test_snap_packages_are_skipped(run_tool):
    code, out, err = run_tool(chromium="echo Chromium 156.0 snap", chromium_browser="echo requires the chromium snap")
    assert (code, out) == (2, "")
    assert "none was found on PATH; run make browser, or set CHROMIUM to its path" in err


def test_without_root_it_prints_the_command(run_tool, tmp_path):
    code, out, err = run_tool("--install", apt_get=f"echo called >{tmp_path}/log")
    assert (code, out) == (2, "")
    assert "type: sudo apt-get update && sudo apt-get install -y --no-install-recommends chromium" in err
    assert not (tmp_path / "log").exists()


def test_without_apt_get_the_message_requests_an_installation(run_tool):
    code, out, err = run_tool("--install", id="echo 0")
    assert (code, out) == (2, "")
    assert "none was found on PATH; install one, or set CHROMIUM" in err


@pytest.mark.parametrize("user", ["root", "sudo"])
def test_root_and_sudo_install(run_tool, tmp_path, user):
    browser, log = tmp_path / "browser", tmp_path / "log"
    browser.write_text(f"#!{tmp_path}/bin/bash\n{CHROMIUM}\n")
    browser.chmod(0o755)
    apt = f'echo "$*" >>{log}\nif [ "$1" = install ]; then cp {browser} {tmp_path}/bin/chromium; else exit 100; fi'
    rights = {"id": "echo 0"} if user == "root" else {"sudo": '[ "$1" = -n ] && shift && exec "$@"', "true": "exit 0"}
    code, out, err = run_tool("--install", apt_get=apt, **rights)
    assert (code, out) == (0, "chromium\n")
    assert "no Chromium found; running apt-get install -y --no-install-recommends chromium" in err
    assert log.read_text().splitlines() == ["update -q", "install -y --no-install-recommends chromium"]
