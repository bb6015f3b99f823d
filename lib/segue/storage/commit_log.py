"""Read the log of a Delta table without a Spark job: the latest version, and metrics, time and metadata of a commit.

In all functions ``path`` is the path or URI of the table's folder.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

from segue.schema import MAINTENANCE
from segue.storage.files import Files

LOG = "_delta_log"
_MAX_COMMITS_READ = 100
"""Maximum number of commits that ``read_provenance`` reads. If none of them has a provenance, the caller of
``read_provenance`` compares the tables, which costs less than reading more commits."""
_COMMIT = re.compile(r"(\d{20})\.(json|checkpoint\..*parquet)")


def latest_version(files: Files, path: str) -> int | None:
    """Return the number of a table's latest version, from 0, or None if there is no table. Lists the table's log.

    The highest number in the names of the log's files is the latest version, since Delta never removes that file.
    """
    names = files.list_names(f"{path}/{LOG}") or []
    return max((int(match[1]) for name in names if (match := _COMMIT.fullmatch(name))), default=None)


def rows_written(files: Files, path: str, version: int) -> int | None:
    """Return the number of rows that the commit of a version wrote, or None if the commit does not record it."""
    rows = _commit_info(files, path, version).get("operationMetrics", {}).get("numOutputRows")
    return None if rows is None else int(rows)


def committed_at(files: Files, path: str, version: int) -> str | None:
    """Return the time of a version's commit as text (ISO 8601, UTC), or None if the log does not have it."""
    milliseconds = _commit_info(files, path, version).get("timestamp")
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def is_maintenance(files: Files, path: str, versions: range) -> bool:
    """Return whether all commits with the numbers ``versions`` are maintenance, such as OPTIMIZE: no row changed."""
    return all(_commit_info(files, path, version).get("operation") in MAINTENANCE for version in versions)


def read_provenance(files: Files, path: str, version: int) -> dict[str, Any]:
    """Return the provenance of a table's rows, a dict of JSON values such as versions of the tables they come from.

    Commits are read backwards from ``version``, at most a hundred, until one has a ``provenance``, as given to
    ``transactions.exclusive_commit``. Returns an empty dict if none of these commits has one.
    """
    for number in range(version, max(-1, version - _MAX_COMMITS_READ), -1):
        metadata = _segue_metadata(files, path, number)
        if "from" in metadata:
            provenance: dict[str, Any] = metadata["from"]
            return provenance
    return {}


def has_commit_by(files: Files, path: str, writer: str, versions: range) -> bool:
    """Return whether one of the commits with the numbers ``versions`` was made by a given writer.

    ``writer`` is the random id that ``transactions.exclusive_commit`` stores with each commit.
    """
    return any(_segue_metadata(files, path, version).get("writer") == writer for version in versions)


def _segue_metadata(files: Files, path: str, version: int) -> dict[str, Any]:
    """Return the dict that ``transactions.exclusive_commit`` has stored with a commit; {} for commits by others."""
    try:
        metadata = json.loads(_commit_info(files, path, version).get("userMetadata", "{}"))
    except ValueError:  # not JSON: written by another program
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _commit_info(files: Files, path: str, version: int) -> dict[str, Any]:
    """Return the dict ``commitInfo`` that Delta has written to the log with a version; {} if there is none."""
    text = files.read_text(f"{path}/{LOG}/{version:020}.json") or ""
    for line in text.splitlines():
        if line.startswith('{"commitInfo"'):
            info: dict[str, Any] = json.loads(line)["commitInfo"]
            return info
    return {}
