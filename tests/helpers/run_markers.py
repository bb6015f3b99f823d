"""Write run markers as other processes would have left them."""

import json
import os
import socket

from segue.runtime import run_markers

RUN = {"run_id": "r1", "job": "probe", "started_at": "2026-01-01T00:00:00+00:00", "settings": "{}", "versions": "{}"}


def write_run_marker(root, **fields):
    """Write a run marker with some fields replaced, by default of a process of this machine that has ended.

    Its pid is that of this process, whose start differs from ``born``: so the pid counts as reused.
    """
    folder = root / run_markers.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    content = RUN | {"host": socket.gethostname(), "pid": os.getpid(), "born": "1"}
    content |= {"seen_at": "2026-01-01T00:01:00+00:00"} | fields
    (folder / f"{content['run_id']}.json").write_text(json.dumps(content), "utf-8")
