"""What a run leaves while it lasts: a note below ROOT, by which a later run knows of one that died without a word.

A note is dead when the process that wrote it is no longer there, or, on another machine, when it has not been renewed
for a while. No Spark here.
"""

import json
import os
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from segue.storage import files

FOLDER = ".running"
_TEXT_FIELDS = ("run_id", "job", "settings", "versions", "started_at", "seen_at", "host")
"""Every note is of these texts, and of ``pid`` and ``born``."""
_RENEWED_EVERY, _DEAD_AFTER = 60.0, 600.0
"""Seconds."""


class RunMarker:
    """The note of one run. Once put up, it is renewed by a thread until it is taken away.

    ``run`` has ``run_id``, ``job``, ``settings``, ``versions`` and ``started_at``, as the table ``runs`` has them, each
    a text.
    """

    def __init__(self, root: str, run: dict[str, str]) -> None:
        self._path = _path(root, run["run_id"])
        self._content = run | {"host": socket.gethostname(), "pid": os.getpid(), "born": _process_start(os.getpid())}
        self._done = threading.Event()
        files.make_folder(f"{root}/{FOLDER}")
        self._renewal = threading.Thread(target=self._renew, daemon=True)

    def put_up(self) -> None:
        """Write the note: from now on others see that the run is at work."""
        self._write()
        self._renewal.start()

    def take_away(self) -> None:
        """Remove the note, if it is there: the run has been recorded."""
        self._done.set()
        if self._renewal.is_alive():
            self._renewal.join()
        files.remove_file(self._path)

    def _write(self) -> None:
        files.write_text(self._path, json.dumps(self._content | {"seen_at": datetime.now(UTC).isoformat()}))

    def _renew(self) -> None:
        while not self._done.wait(_RENEWED_EVERY):
            try:
                self._write()
            except OSError:  # the next one may be luckier; the run has other ways to notice
                continue


def dead_runs(root: str) -> list[dict[str, Any]]:
    """Return what the notes of dead runs say: what they were given, and ``seen_at``."""
    return [note for note in _markers(root) if _is_dead(note)]


def live_runs(root: str) -> list[dict[str, Any]]:
    """Return what the notes of all other runs say."""
    return [note for note in _markers(root) if not _is_dead(note)]


def _markers(root: str) -> list[dict[str, Any]]:
    names = [name for name in files.list_names(f"{root}/{FOLDER}") or [] if name.endswith(".json")]
    found = [_parse_marker(name, files.read_text(f"{root}/{FOLDER}/{name}") or "") for name in names]
    return [note for note in found if note is not None]


def _parse_marker(name: str, text: str) -> dict[str, Any] | None:
    """Return what a note says; None where it is none: cut off by a full disk, or nothing of segue's."""
    try:
        note = json.loads(text)
        # its name is the path that will be removed
        # guard: note-name-matches-run-id -> is_note = all(isinstance(note[key], str) for key in _TEXT_FIELDS)
        is_note = name == f"{note['run_id']}.json" and all(isinstance(note[key], str) for key in _TEXT_FIELDS)
        int(note["pid"])
        is_note = is_note and all(datetime.fromisoformat(note[moment]).tzinfo for moment in ("started_at", "seen_at"))
    # guard: invalid-note-ignored -> except ():
    except (ValueError, KeyError, TypeError):
        return None
    return note if is_note else None


def remove_marker(root: str, run_id: str) -> None:
    """Remove the note of a dead run that has been recorded."""
    files.remove_file(_path(root, run_id))


def _path(root: str, run_id: str) -> str:
    return f"{root}/{FOLDER}/{run_id}.json"


def _is_dead(note: dict[str, Any]) -> bool:
    if note["host"] == socket.gethostname():
        # guard: process-id-reuse-detected -> return _process_start(int(note["pid"])) is None
        # guard: living-run-not-dead -> return True
        return note.get("born") != _process_start(int(note["pid"]))
    age = datetime.now(UTC) - datetime.fromisoformat(note["seen_at"])
    # guard: remote-run-dead-after-timeout -> return True
    return age.total_seconds() > _DEAD_AFTER


def _process_start(pid: int) -> str | None:
    """Return what tells a process from a later one of its number, or None where there is none."""
    try:
        # the name, in brackets, may hold anything; the start, in ticks since the machine's, is the 20th field behind it
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
    except OSError:
        pass
    try:
        os.kill(pid, 0)
        return "alive"
    except (OSError, OverflowError):
        return None
