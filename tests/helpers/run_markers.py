"""Write markers of runs that did not finish."""

import json
import os
import socket

from segue.runtime import run_markers

RUN = {"run_id": "r1", "job": "probe", "started_at": "2026-01-01T00:00:00+00:00", "settings": "{}", "versions": "{}"}


def write_run_marker(root, **fields):
    """Write a run marker with the values of ``RUN`` and ``fields``.

    By default its run counts as dead: it was on this machine, and its pid was reused, since it is the pid of this
    process, but with another start (``born``).
    """
    folder = root / run_markers.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    content = RUN | {"host": socket.gethostname(), "pid": os.getpid(), "born": "1"}
    content |= {"seen_at": "2026-01-01T00:01:00+00:00"} | fields
    (folder / f"{content['run_id']}.json").write_text(json.dumps(content), "utf-8")
