"""What a Delta table's log says without a Spark job: is there a table, at which version, and what a commit did."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from segue.storage import files

LOG = "_delta_log"
_MAX_COMMITS_READ = 100
"""Commits: where so many say nothing, it costs less to compare the tables."""
_COMMIT = re.compile(r"(\d{20})\.(json|checkpoint\..*parquet)")


def latest_version(path: str) -> int | None:
    """Return the newest version of the table at a path, or None where there is none.

    Delta's protocol names every commit and checkpoint by its version, and keeps the newest.
    """
    names = files.list_names(f"{path}/{LOG}") or []
    return max((int(found[1]) for name in names if (found := _COMMIT.fullmatch(name))), default=None)


def rows_written(path: str, version: int) -> int | None:
    """Return how many rows a commit wrote, or None where it does not say."""
    written = _commit_info(path, version).get("operationMetrics", {}).get("numOutputRows")
    return None if written is None else int(written)


def committed_at(path: str, version: int) -> str | None:
    """Return when a commit was made, in UTC as ISO 8601, or None where it does not say."""
    milliseconds = _commit_info(path, version).get("timestamp")
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def read_provenance(path: str, version: int) -> dict[str, Any]:
    """Return what the newest commit that says so, up to ``version``, was made from; nothing where none does."""
    for number in range(version, max(-1, version - _MAX_COMMITS_READ), -1):
        said = _segue_metadata(path, number)
        if "from" in said:
            found: dict[str, Any] = said["from"]
            return found
    return {}


def has_commit_by(path: str, writer: str, versions: range) -> bool:
    """Tell whether one of the commits is a writer's."""
    return any(_segue_metadata(path, version).get("writer") == writer for version in versions)


def _segue_metadata(path: str, version: int) -> dict[str, Any]:
    """Return what segue wrote into a commit."""
    try:
        said = json.loads(_commit_info(path, version).get("userMetadata", "{}"))
    except ValueError:  # somebody else's words
        return {}
    return said if isinstance(said, dict) else {}


def _commit_info(path: str, version: int) -> dict[str, Any]:
    text = files.read_text(f"{path}/{LOG}/{version:020}.json") or ""
    for line in text.splitlines():
        if line.startswith('{"commitInfo"'):
            return json.loads(line)["commitInfo"]
    return {}
