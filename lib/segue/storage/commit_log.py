"""Read the latest version of a Delta table, and the metadata of its commits, from its log. Uses no Spark job.

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
"""Maximum number of commits that ``read_provenance`` reads."""
_COMMIT = re.compile(r"(\d{20})\.(json|checkpoint\..*parquet)")


def latest_version(files: Files, path: str) -> int | None:
    """Return the number of a table's latest version, from 0; None if there is no table.

    The latest version is the highest number in the file names of the table's log. Delta never removes the file with the
    highest number.
    """
    names = files.list_names(f"{path}/{LOG}") or []
    return max((int(match[1]) for name in names if (match := _COMMIT.fullmatch(name))), default=None)


def rows_written(files: Files, path: str, version: int) -> int | None:
    """Return the number of rows written by the commit of a version; None if the commit does not record it."""
    rows = _commit_info(files, path, version).get("operationMetrics", {}).get("numOutputRows")
    return None if rows is None else int(rows)


def committed_at(files: Files, path: str, version: int) -> str | None:
    """Return the time of a version's commit: "2026-01-31T09:30:00+00:00" (UTC); None if the log does not have it."""
    milliseconds = _commit_info(files, path, version).get("timestamp")
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def is_maintenance(files: Files, path: str, versions: range) -> bool:
    """Return whether the commits of all ``versions`` are maintenance: operations such as OPTIMIZE that change no row.

    Returns False if the log lacks the commit of a version.
    """
    return all(_commit_info(files, path, version).get("operation") in MAINTENANCE for version in versions)


def read_provenance(files: Files, path: str, version: int) -> dict[str, Any]:
    """Return the provenance of a table's rows: a dict that describes what the rows were made from.

    An example is {"model_version": "4f1c", "version": 12}: made by this model from version 12 of another table. Commits
    are read from ``version`` backwards until one has a provenance, at most a hundred. Returns {} if none has one.
    """
    for number in range(version, max(-1, version - _MAX_COMMITS_READ), -1):
        metadata = _segue_metadata(files, path, number)
        if "from" in metadata:
            provenance: dict[str, Any] = metadata["from"]
            return provenance
    return {}


def has_commit_by(files: Files, path: str, writer: str, versions: range) -> bool:
    """Return whether a given writer made the commit of one of the ``versions``.

    ``writer`` is a random id, stored with a commit by ``transactions.exclusive_commit``.
    """
    return any(_segue_metadata(files, path, version).get("writer") == writer for version in versions)


def _segue_metadata(files: Files, path: str, version: int) -> dict[str, Any]:
    """Return the metadata stored with a commit by ``transactions.exclusive_commit``; {} for other programs' commits."""
    try:
        metadata = json.loads(_commit_info(files, path, version).get("userMetadata", "{}"))
    except ValueError:  # not JSON: written by another program
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _commit_info(files: Files, path: str, version: int) -> dict[str, Any]:
    """Return the entry ``commitInfo`` of a version from Delta's log, as a dict; {} if there is none."""
    text = files.read_text(f"{path}/{LOG}/{version:020}.json") or ""
    for line in text.splitlines():
        if line.startswith('{"commitInfo"'):
            info: dict[str, Any] = json.loads(line)["commitInfo"]
            return info
    return {}
