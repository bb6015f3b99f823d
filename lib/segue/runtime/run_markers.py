"""Write and read the markers of runs: files that show which runs are in progress, and which have died.

The marker of a run is the JSON file ``.running/RUN_ID.json`` in the output folder. The run writes the file when it
starts, renews it every minute, and removes it after writing its row in the table ``runs`` at the end. A run of this
machine has died if its marker exists, but its process does not. A run of another machine has died if its marker was not
renewed for ten minutes.
"""

import json
import os
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from segue.storage.files import Files

FOLDER = ".running"
_TEXT_FIELDS = ("run_id", "job", "settings", "versions", "started_at", "seen_at", "host")
"""The JSON keys of a marker with a text as value."""
_RENEWAL_SECONDS, _DEAD_AFTER_SECONDS = 60.0, 600.0


class RunMarker:
    """The marker of one run: a file that exists while the run is in progress.

    From ``create`` until ``remove``, a thread writes the file again every minute, with the current time.

    Parameters
    ----------
    files : writes the file
    root : path or URI of the output folder; its subfolder ``.running`` is created at once
    run : the fields of the run's row in the table ``runs`` that are known at its start, as texts: ``run_id``, ``job``,
        ``settings``, ``versions`` and ``started_at``
    """

    def __init__(self, files: Files, root: str, run: dict[str, str]) -> None:
        self._files = files
        self._path = _path(root, run["run_id"])
        self._content = run | {"host": socket.gethostname(), "pid": os.getpid(), "born": _process_start(os.getpid())}
        self._removed = threading.Event()
        self._files.make_folder(f"{root}/{FOLDER}")
        self._renewal = threading.Thread(target=self._renew, daemon=True)

    def create(self) -> None:
        """Write the marker file, and start the thread that renews it."""
        self._write()
        self._renewal.start()

    def remove(self) -> None:
        """Stop the thread that renews the marker file, and remove the file, if it exists."""
        self._removed.set()
        if self._renewal.is_alive():
            self._renewal.join()
        self._files.remove_file(self._path)

    def _write(self) -> None:
        self._files.write_text(self._path, json.dumps(self._content | {"seen_at": datetime.now(UTC).isoformat()}))

    def _renew(self) -> None:
        while not self._removed.wait(_RENEWAL_SECONDS):
            try:
                self._write()
            except OSError:  # such as a full disk: tried again a minute later
                continue


def dead_runs(files: Files, root: str) -> list[dict[str, Any]]:
    """Return the markers of dead runs in the output folder ``root``, as dicts. Reads every marker.

    Invalid marker files are left out, here and in ``live_runs``. The dictionary keys are run_id, job, settings,
    versions, started_at, host, pid, born (start of the process) and seen_at (time of the last renewal).
    """
    return [marker for marker in _markers(files, root) if _is_dead(marker)]


def live_runs(files: Files, root: str) -> list[dict[str, Any]]:
    """Return the markers of the runs in progress in the output folder ``root``. Reads every marker.

    The markers are dicts with the same dictionary keys as in ``dead_runs``.
    """
    return [marker for marker in _markers(files, root) if not _is_dead(marker)]


def remove_marker(files: Files, root: str, run_id: str) -> None:
    """Remove the marker of a dead run."""
    files.remove_file(_path(root, run_id))


def _markers(files: Files, root: str) -> list[dict[str, Any]]:
    names = [name for name in files.list_names(f"{root}/{FOLDER}") or [] if name.endswith(".json")]
    markers = [_parse_marker(name, files.read_text(f"{root}/{FOLDER}/{name}") or "") for name in names]
    return [marker for marker in markers if marker is not None]


def _parse_marker(name: str, text: str) -> dict[str, Any] | None:
    """Parse the text of the marker file ``name`` to a dict; None if it is invalid, for example truncated."""
    try:
        marker = json.loads(text)
        # the path of the file that remove_marker removes is built from run_id
        # guard: marker-name-matches-run-id -> is_valid = all(isinstance(marker[key], str) for key in _TEXT_FIELDS)
        is_valid = name == f"{marker['run_id']}.json" and all(isinstance(marker[key], str) for key in _TEXT_FIELDS)
        int(marker["pid"])
        is_valid = is_valid and all(datetime.fromisoformat(marker[key]).tzinfo for key in ("started_at", "seen_at"))
    # guard: invalid-marker-ignored -> except ():
    except (ValueError, KeyError, TypeError):
        return None
    return marker if is_valid else None


def _path(root: str, run_id: str) -> str:
    return f"{root}/{FOLDER}/{run_id}.json"


def _is_dead(marker: dict[str, Any]) -> bool:
    """Return whether the run of a marker has died.

    On this machine: its process does not exist. On another one: the marker was not renewed for ten minutes.
    """
    if marker["host"] == socket.gethostname():
        # guard: process-id-reuse-detected -> return _process_start(int(marker["pid"])) is None
        # guard: living-run-not-dead -> return True
        return marker.get("born") != _process_start(int(marker["pid"]))
    age = datetime.now(UTC) - datetime.fromisoformat(marker["seen_at"])
    # guard: remote-run-dead-after-timeout -> return True
    return age.total_seconds() > _DEAD_AFTER_SECONDS


def _process_start(pid: int) -> str | None:
    """Return the start of a process in ticks since boot, as text; None if there is no process with this id.

    A later process with the same id has another text. On systems without /proc, such as macOS, the text is "alive".
    """
    try:
        # proc(5): the 20th field after the process's name, which is in brackets, is the start in ticks since boot
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
    except OSError:
        pass
    try:
        os.kill(pid, 0)
        return "alive"
    except PermissionError:  # a process of another user
        return "alive"
    except (OSError, OverflowError):
        return None
