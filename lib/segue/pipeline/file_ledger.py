"""Read and write the table ``ingested_files``, which has one row per file read. Later runs skip unchanged files.

The row of a file is written after the file's tracks. If a run dies in between, the next run reads the file again, and
finds its tracks unchanged.
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
"""Rows of ``ingested_files`` for the files of this run, each a dict from column to value."""


def read_ledger(store: Store, listed: Sequence[InputFile]) -> LedgerEntries:
    """Return the rows of ``ingested_files`` for the files ``listed``, as a list of dicts. Runs one Spark job.

    A row is returned if its URI or its ``source_file`` is that of a listed file; twice if both are. The list is empty
    if the table does not exist.
    """
    stored = store.find(schema.INGESTED_FILES)
    if stored is None:
        return []
    keys = {_redacted_uri(spark_uri(file.uri)) for file in listed} | {file.source_file for file in listed}
    listed_keys = store.spark.createDataFrame(pa.table({"key": sorted(keys)}))
    # the table has every file ever read: only the rows of listed files are collected to the driver
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
    """Return the files of ``listed`` to read in this run: new, changed, or last read under other conditions.

    The conditions are the settings and format definitions that affect how rows are read. ``ledger`` is the result of
    ``read_ledger``. All files are returned if the setting ``ingest.force`` is true, or if the table ``tracks`` does not
    exist.
    """
    if settings.ingest.force or not store.exists(schema.TRACKS):
        return list(listed)
    known = {_identity(entry) for entry in ledger}
    return [
        file for file, entry in zip(listed, _entries(settings, listed), strict=True) if _identity(entry) not in known
    ]


def reread_names(settings: Settings, pending: Sequence[InputFile], ledger: LedgerEntries) -> list[str]:
    """Return the names (``source_file``) of the files to read once more, sorted.

    These are the files in ``pending`` (the files to read in this run) that an earlier run has read. ``ledger`` is the
    result of ``read_ledger``. A name is left out if ``ledger`` has the same name for a file that is not in ``pending``:
    stored rows with this name may come from that file.
    """
    known = {entry["uri"]: entry["source_file"] for entry in ledger}
    reread = {entry["uri"]: entry["source_file"] for entry in _entries(settings, pending) if entry["uri"] in known}
    others = {name for uri, name in known.items() if uri not in reread}
    return sorted(set(reread.values()) - others)


def record_files(
    store: Store, settings: Settings, read: Sequence[InputFile], ledger: LedgerEntries, *, remove_missing: bool
) -> None:
    """Write a row to ``ingested_files`` for each file in ``read``. With ``remove_missing``, remove all other rows.

    Call this function after the tracks and rejected rows of the files are stored. ``ledger`` is the result of
    ``read_ledger``.
    """
    now, known = datetime.now(UTC), {_identity(entry): entry["ingested_at"] for entry in ledger}
    # an unchanged file that was read again keeps its ``ingested_at``, so its row does not change
    rows = [entry | {"ingested_at": known.get(_identity(entry), now)} for entry in _entries(settings, read)]
    store.sync_local(schema.INGESTED_FILES, rows, remove_missing=remove_missing)


def _entries(settings: Settings, listed: Sequence[InputFile]) -> list[dict[str, Any]]:
    """Return one dict per file in ``listed``: the file's row of ``ingested_files`` without ``ingested_at``."""
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
    """Return a URI without its secrets: "s3a://***@bucket/x.csv#HASH" for "s3a://USER:PASSWORD@bucket/x.csv".

    HASH has 16 hexadecimal digits, from a hash of the whole URI, so that distinct URIs stay distinct. A URI without
    secrets is returned unchanged.
    """
    redacted = logs.redact(uri)
    # guard: redacted-names-stay-distinct -> return redacted
    return redacted if redacted == uri else f"{redacted}#{hashlib.sha256(uri.encode('utf-8')).hexdigest()[:_DIGITS]}"


def _identity(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values of a row of ``ingested_files`` by which a changed file is detected.

    They identify the state of the file and the way it is read. If they differ from those of the file's stored row, the
    file is read again.
    """
    # guard: changed-file-read-again -> return tuple(entry[name] for name in ("uri",))
    # guard: recreated-delta-table-read-again
    # -> return tuple(entry[name] for name in ("uri", "size", "version", "reading"))
    return tuple(entry[name] for name in ("uri", "size", "modified_at", "version", "reading"))


def _reading_hash(settings: Settings) -> str:
    """Return a hash (16 hexadecimal digits) of all settings and format definitions with an effect on how rows are read.

    A format definition is a TOML file in ``conf/sources`` with the column names of a known dataset. Definitions with
    ``read_again = false`` are left out, except for the one that the setting ``ingest.source`` names. The setting
    ``ingest.layouts`` is left out too. If the hash changes, every file is read again.
    """
    ingest = settings.ingest
    sources = load_sources(packaged.conf() / "sources", name=ingest.source)
    decisive: list[Any] = [
        # hashed as "utf-8", the former default: files ingested under it are not read again, as detection reads UTF-8
        # files in the same way
        # guard: detection-keeps-reading-hash -> ingest.encoding,
        "utf-8" if ingest.encoding == AUTO else ingest.encoding,
        ingest.invalid_utf8,
        ingest.multiline,
        settings.features.required,
        settings.features.missing,
        reading_rules(sources, name=ingest.source),
    ]
    # settings added in later versions leave the hash unchanged while they have their defaults
    added = {name: getattr(ingest, name) for name in ("decimal_sign", "genre_separator", "header_line")}
    # guard: added-settings-keep-reading-hash -> decisive += [added]
    decisive += [added] if any(value != AUTO for value in added.values()) else []
    return json_digest(decisive, _DIGITS)
