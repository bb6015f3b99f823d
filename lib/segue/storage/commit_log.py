"""Read a Delta table's log without a Spark job: its latest version, and the metrics, time and metadata of a commit."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from segue.storage.files import Files

LOG = "_delta_log"
_MAX_COMMITS_READ = 100
"""Maximum number of commits that are searched for provenance: to read more costs more than to compare the tables."""
_COMMIT = re.compile(r"(\d{20})\.(json|checkpoint\..*parquet)")


def latest_version(files: Files, path: str) -> int | None:
    """Return the latest version of the table at a path (a number from 0), or None if there is no table.

    Lists the files of the table's log: the latest version is the highest number in their names, as Delta never removes
    the file of the latest version.
    """
    names = files.list_names(f"{path}/{LOG}") or []
    return max((int(match[1]) for name in names if (match := _COMMIT.fullmatch(name))), default=None)


def rows_written(files: Files, path: str, version: int) -> int | None:
    """Return how many rows the commit of a version wrote, or None if it has no such metric."""
    rows = _commit_info(files, path, version).get("operationMetrics", {}).get("numOutputRows")
    return None if rows is None else int(rows)


def committed_at(files: Files, path: str, version: int) -> str | None:
    """Return the time of a version's commit as text, in UTC as ISO 8601, or None if it is not recorded."""
    milliseconds = _commit_info(files, path, version).get("timestamp")
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def read_provenance(files: Files, path: str, version: int) -> dict[str, Any]:
    """Return the dict that names the source of a table's rows: the ``provenance`` that ``exclusive_commit`` stored.

    Reads commits from ``version`` backwards, at most a hundred, until a commit has such a dict. If none has, the result
    is an empty dict.
    """
    for number in range(version, max(-1, version - _MAX_COMMITS_READ), -1):
        metadata = _segue_metadata(files, path, number)
        if "from" in metadata:
            provenance: dict[str, Any] = metadata["from"]
            return provenance
    return {}


def has_commit_by(files: Files, path: str, writer: str, versions: range) -> bool:
    """Return whether a commit whose version is in ``versions`` was made by ``writer``.

    ``writer`` is the id that ``transactions.exclusive_commit`` stores with each commit.
    """
    return any(_segue_metadata(files, path, version).get("writer") == writer for version in versions)


def _segue_metadata(files: Files, path: str, version: int) -> dict[str, Any]:
    """Return the dict that ``transactions.exclusive_commit`` stored with a commit; empty if it stored none."""
    try:
        metadata = json.loads(_commit_info(files, path, version).get("userMetadata", "{}"))
    except ValueError:  # not JSON: written by another program
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _commit_info(files: Files, path: str, version: int) -> dict[str, Any]:
    """Return Delta's action ``commitInfo`` of a version, a dict; empty if the commit's file or the action is absent."""
    text = files.read_text(f"{path}/{LOG}/{version:020}.json") or ""
    for line in text.splitlines():
        if line.startswith('{"commitInfo"'):
            info: dict[str, Any] = json.loads(line)["commitInfo"]
            return info
    return {}
