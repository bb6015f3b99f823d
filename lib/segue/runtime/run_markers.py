"""Write and read markers of runs in progress: JSON files by which a later run detects that an earlier run died.

The marker of a run exists from its start to its end, as ``.running/RUN_ID.json`` in its output folder.

A run has died if its marker exists, but the process that wrote it does not. If the marker was written on another
machine, the run is taken to have died if the marker has not been renewed for ten minutes.
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
_RENEWAL_SECONDS, _DEAD_AFTER_SECONDS = 60.0, 600.0


class RunMarker:
    """The marker of one run: a file that exists while the run is in progress.

    From ``create`` to ``remove`` a thread rewrites the file every minute with the current time.

    Parameters
    ----------
    files : writes the file
    root : the output folder, a path or URI; its folder ``.running`` is created at once
    run : dict of ``run_id``, ``job``, ``settings``, ``versions`` and ``started_at``, texts as in the table ``runs``
    """

    def __init__(self, files: Files, root: str, run: dict[str, str]) -> None:
        self._files = files
        self._path = _path(root, run["run_id"])
        self._content = run | {"host": socket.gethostname(), "pid": os.getpid(), "born": _process_start(os.getpid())}
        self._removed = threading.Event()
        self._files.make_folder(f"{root}/{FOLDER}")
        self._renewal = threading.Thread(target=self._renew, daemon=True)

    def create(self) -> None:
        """Write the marker file, so that other runs see that this run is in progress, and start to renew it."""
        self._write()
        self._renewal.start()

    def remove(self) -> None:
        """Stop renewing the marker file, and remove it, if it exists."""
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
            except OSError:  # retried at the next renewal
                continue


def dead_runs(files: Files, root: str) -> list[dict[str, Any]]:
    """Return the markers of runs that died, as a list of dicts. Reads all marker files of the output folder ``root``.

    Keys: run_id, job, settings, versions, started_at, host, pid, born (start of the process), seen_at (last renewal).
    """
    return [marker for marker in _markers(files, root) if _is_dead(marker)]


def live_runs(files: Files, root: str) -> list[dict[str, Any]]:
    """Return the markers of runs in progress, as a list of dicts with the keys that ``dead_runs`` lists."""
    return [marker for marker in _markers(files, root) if not _is_dead(marker)]


def remove_marker(files: Files, root: str, run_id: str) -> None:
    """Remove the marker file of a run that died. The caller has written the run's row in the table ``runs``."""
    files.remove_file(_path(root, run_id))


def _markers(files: Files, root: str) -> list[dict[str, Any]]:
    names = [name for name in files.list_names(f"{root}/{FOLDER}") or [] if name.endswith(".json")]
    markers = [_parse_marker(name, files.read_text(f"{root}/{FOLDER}/{name}") or "") for name in names]
    return [marker for marker in markers if marker is not None]


def _parse_marker(name: str, text: str) -> dict[str, Any] | None:
    """Return the content of a marker file as a dict, or None if it is truncated (full disk) or not a marker."""
    try:
        marker = json.loads(text)
        # remove_marker builds its path from run_id
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
    if marker["host"] == socket.gethostname():
        # guard: process-id-reuse-detected -> return _process_start(int(marker["pid"])) is None
        # guard: living-run-not-dead -> return True
        return marker.get("born") != _process_start(int(marker["pid"]))
    age = datetime.now(UTC) - datetime.fromisoformat(marker["seen_at"])
    # guard: remote-run-dead-after-timeout -> return True
    return age.total_seconds() > _DEAD_AFTER_SECONDS


def _process_start(pid: int) -> str | None:
    """Return the start time of a process as text, or None if there is no such process.

    The time distinguishes the process from a later one with the same id. Where there is no /proc (as on macOS), the
    text is "alive".
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
