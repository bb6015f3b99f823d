"""Which files were ingested before, as ``ingested_files`` tells: each counts once, however often it is delivered.

A file is entered when its rows have been stored. A run that is killed in between reads it again, and finds its tracks
unchanged.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from segue import schema
from segue.core import resources
from segue.core.text import json_digest
from segue.ingest.input_files import InputFile
from segue.ingest.source_definitions import load_sources
from segue.runtime import logs
from segue.runtime.runner import Run
from segue.storage import files

_DIGITS = 16
LedgerEntries = Sequence[Mapping[str, Any]]
"""The rows of ``ingested_files``."""


def read_ledger(run: Run) -> LedgerEntries:
    """Return what was entered before this run."""
    stored = run.store.find(schema.INGESTED_FILES)
    # Arrow's times have a zone, a Row's have none
    return stored.toArrow().to_pylist() if stored is not None else []


def pending_files(run: Run, listed: Sequence[InputFile], before: LedgerEntries) -> list[InputFile]:
    """Return the files that are new, have changed, or would be read in another way than they were."""
    if run.settings.ingest.again or not run.store.exists(schema.TRACKS):
        return list(listed)
    known = {_telling(entry) for entry in before}
    return [file for file, entry in zip(listed, _entries(run, listed), strict=True) if _telling(entry) not in known]


def reread_names(run: Run, wanted: Sequence[InputFile], before: LedgerEntries) -> list[str]:
    """Return what rows call those files that were read before, where no other file is called so."""
    known = {entry["uri"]: entry["source_file"] for entry in before}
    again = {entry["uri"]: entry["source_file"] for entry in _entries(run, wanted) if entry["uri"] in known}
    others = {name for uri, name in known.items() if uri not in again}
    return sorted(set(again.values()) - others)


def record_files(run: Run, read: Sequence[InputFile], before: LedgerEntries, *, whole: bool) -> None:
    """Enter files whose rows have been stored; where ``whole``, nothing else is left of what was entered before."""
    now, known = datetime.now(UTC), {_telling(entry): entry["ingested_at"] for entry in before}
    # what was read again without need keeps its time, and so its row
    rows = [entry | {"ingested_at": known.get(_telling(entry), now)} for entry in _entries(run, read)]
    run.store.sync_few(schema.INGESTED_FILES, rows, whole=whole)


def _entries(run: Run, listed: Sequence[InputFile]) -> list[dict[str, Any]]:
    """Return files as ``ingested_files`` has them, but for the time."""
    reading = _reading(run)
    return [
        {
            "uri": _key(files.spark_uri(file.uri)),
            "source_file": file.relative,
            "size": file.size,
            "modified_at": file.modified_at,
            "version": file.version,
            "reading": reading,
        }
        for file in listed
    ]


def _key(uri: str) -> str:
    """Return a URI without the secrets in it, and still another for every other."""
    shown = logs.redact(uri)
    # guard: redacted-names-stay-distinct -> return shown
    return shown if shown == uri else f"{shown}#{hashlib.sha256(uri.encode('utf-8')).hexdigest()[:_DIGITS]}"


def _telling(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what tells a file from what was read under its name before."""
    # guard: changed-file-read-again -> return tuple(entry[name] for name in ("uri",))
    # guard: recreated-delta-table-read-again
    # -> return tuple(entry[name] for name in ("uri", "size", "version", "reading"))
    return tuple(entry[name] for name in ("uri", "size", "modified_at", "version", "reading"))


def _reading(run: Run) -> str:
    """Return a hash of the settings that decide what becomes of a row."""
    ingest = run.settings.ingest
    sources = load_sources(resources.conf() / "sources", chosen=ingest.source)
    decides = [
        ingest.encoding,
        ingest.invalid_utf8,
        ingest.multiline,
        run.settings.features.columns,
        run.settings.features.missing,
        [asdict(source) for source in sources],
    ]
    return json_digest(decides, _DIGITS)
