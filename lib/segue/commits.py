"""What a Delta table's log says without a Spark job: is there a table, at which version, and what a commit did."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from segue import files

LOG = "_delta_log"
_COMMIT = re.compile(r"(\d{20})\.(json|checkpoint\..*parquet)")


def latest(path: str) -> int | None:
    """Return the newest version of the table at a path, or None where there is none.

    Delta's protocol names every commit and checkpoint by its version, and keeps the newest.
    """
    names = files.names_in(f"{path}/{LOG}") or []
    return max((int(found[1]) for name in names if (found := _COMMIT.fullmatch(name))), default=None)


def rows_written(path: str, version: int) -> int | None:
    """Return how many rows a commit wrote, or None where it does not say."""
    written = _info(path, version).get("operationMetrics", {}).get("numOutputRows")
    return None if written is None else int(written)


def made_at(path: str, version: int) -> str | None:
    """Return when a commit was made, in UTC as ISO 8601, or None where it does not say."""
    milliseconds = _info(path, version).get("timestamp")
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def _info(path: str, version: int) -> dict[str, Any]:
    text = files.read_text(f"{path}/{LOG}/{version:020}.json") or ""
    for line in text.splitlines():
        if line.startswith('{"commitInfo"'):
            return json.loads(line)["commitInfo"]
    return {}
