"""Read and write the table ``ingested_files``: which files were ingested before, so that each is read once.

A file is recorded after its rows are stored. If a run dies in between, the next run reads the file again, which leaves
its tracks unchanged.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from pyspark.sql import functions as F

from segue import schema
from segue.core import packaged
from segue.core.paths import spark_uri
from segue.core.text import json_digest
from segue.ingest.columns.sources import load_sources, reading_rules
from segue.ingest.formats.text_scan import AUTO
from segue.ingest.input_files import InputFile
from segue.runtime import logs
from segue.settings import Settings
from segue.storage.store import Store

_DIGITS = 16

LedgerEntries = Sequence[Mapping[str, Any]]
"""Rows of ``ingested_files``: those of the listed files."""


def read_ledger(store: Store, listed: Sequence[InputFile]) -> LedgerEntries:
    """Return those rows of ``ingested_files`` that have the URI or the name of a listed file, as a list of dicts.

    The list is empty if the table does not exist. A file may be in it twice. Runs one Spark job.
    """
    stored = store.find(schema.INGESTED_FILES)
    if stored is None:
        return []
    keys = {_redacted_uri(spark_uri(file.uri)) for file in listed} | {file.source_file for file in listed}
    listed_keys = store.spark.createDataFrame(pa.table({"key": sorted(keys)}))
    # the ledger has every file ever read: the driver gets no more of it than what is listed
    # guard: ledger-bounded -> matching = stored
    matching = stored.withColumn("key", F.explode(F.array("uri", "source_file"))).join(
        F.broadcast(listed_keys), "key", "left_semi"
    )
    # through Arrow, timestamps keep their time zone; in a Row they have none
    entries: list[dict[str, Any]] = matching.select(*schema.INGESTED_FILES.names).toArrow().to_pylist()
    return entries


def pending_files(
    store: Store, settings: Settings, listed: Sequence[InputFile], ledger: LedgerEntries
) -> list[InputFile]:
    """Return those of the ``listed`` files that are new, have changed or were last read with other settings.

    ``ledger`` has the rows of ``ingested_files``. All files are returned if the setting ``ingest.force`` is true, or if
    the table ``tracks`` does not exist.
    """
    if settings.ingest.force or not store.exists(schema.TRACKS):
        return list(listed)
    known = {_identity(entry) for entry in ledger}
    return [
        file for file, entry in zip(listed, _entries(settings, listed), strict=True) if _identity(entry) not in known
    ]


def reread_names(settings: Settings, pending: Sequence[InputFile], ledger: LedgerEntries) -> list[str]:
    """Return the sorted ``source_file`` names of those pending files that an earlier run has read.

    ``ledger`` has the rows of ``ingested_files``. A name is left out if a file that is not pending has it too: the
    stored rows with that name may be of the other file.
    """
    known = {entry["uri"]: entry["source_file"] for entry in ledger}
    reread = {entry["uri"]: entry["source_file"] for entry in _entries(settings, pending) if entry["uri"] in known}
    others = {name for uri, name in known.items() if uri not in reread}
    return sorted(set(reread.values()) - others)


def record_files(
    store: Store, settings: Settings, read: Sequence[InputFile], ledger: LedgerEntries, *, remove_missing: bool
) -> None:
    """Store a row of ``ingested_files`` for each file in ``read``; with ``remove_missing``, remove all other rows.

    Call it once the files' own rows are stored. ``ledger``, the stored rows, has ``ingested_at`` of unchanged files.
    """
    now, known = datetime.now(UTC), {_identity(entry): entry["ingested_at"] for entry in ledger}
    # an unchanged file that was read again keeps its time, so that its row does not change
    rows = [entry | {"ingested_at": known.get(_identity(entry), now)} for entry in _entries(settings, read)]
    store.sync_local(schema.INGESTED_FILES, rows, remove_missing=remove_missing)


def _entries(settings: Settings, listed: Sequence[InputFile]) -> list[dict[str, Any]]:
    """Return a dict for each file: its row of ``ingested_files`` without ``ingested_at``."""
    reading = _reading_hash(settings)
    return [
        {
            "uri": _redacted_uri(spark_uri(file.uri)),
            "source_file": file.source_file,
            "size": file.size,
            "modified_at": file.modified_at,
            "version": file.version,
            "reading": reading,
        }
        for file in listed
    ]


def _redacted_uri(uri: str) -> str:
    """Return a URI with its secrets replaced by ``***`` and, if it had any, a hash of the whole URI appended.

    The hash keeps distinct URIs distinct.
    """
    redacted = logs.redact(uri)
    # guard: redacted-names-stay-distinct -> return redacted
    return redacted if redacted == uri else f"{redacted}#{hashlib.sha256(uri.encode('utf-8')).hexdigest()[:_DIGITS]}"


def _identity(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values of a row of ``ingested_files`` that identify the state of a file, as a tuple.

    If one of them differs from the stored row, the file is read again.
    """
    # guard: changed-file-read-again -> return tuple(entry[name] for name in ("uri",))
    # guard: recreated-delta-table-read-again
    # -> return tuple(entry[name] for name in ("uri", "size", "version", "reading"))
    return tuple(entry[name] for name in ("uri", "size", "modified_at", "version", "reading"))


def _reading_hash(settings: Settings) -> str:
    """Return a hash (16 hexadecimal digits) of the settings and source definitions that decide how a row is read.

    Definitions with ``read_again = false`` are left out. If a key here is renamed, every file is read again.
    """
    ingest = settings.ingest
    sources = load_sources(packaged.conf() / "sources", name=ingest.source)
    decisive: list[Any] = [
        # an output of the former default "utf-8" does not read its files again: detection reads UTF-8 files as before
        # guard: detection-keeps-reading-hash -> ingest.encoding,
        "utf-8" if ingest.encoding == AUTO else ingest.encoding,
        ingest.invalid_utf8,
        ingest.multiline,
        settings.features.required,
        settings.features.missing,
        reading_rules(sources, name=ingest.source),
    ]
    # at their defaults, settings that were added later leave the hash as it was
    added = {name: getattr(ingest, name) for name in ("decimal_sign", "genre_separator", "header_line")}
    # guard: added-settings-keep-reading-hash -> decisive += [added]
    decisive += [added] if any(value != AUTO for value in added.values()) else []
    return json_digest(decisive, _DIGITS)
