"""The one door for single files and folder listings, by the same URIs that Spark reads."""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from segue.errors import OutputError

_SAME = {"s3a": "s3", "s3n": "s3"}
_LOCK = ".lock"
"""Locks are files in ROOT: this one is of all who write tables, others have a name behind it."""


def spark_uri(path: str) -> str:
    """Return the path as Spark is to be given it: without a scheme it is on this machine's file system."""
    return path.rstrip("/") if urlsplit(path).scheme else f"file:{os.path.abspath(path)}"


def open_uri(uri: str) -> tuple[fs.FileSystem, str]:
    """Return Arrow's file system for a path or URI, and the path in it, or raise OutputError."""
    scheme = urlsplit(uri).scheme
    if scheme in ("", "file"):
        return fs.LocalFileSystem(), os.path.abspath(uri.removeprefix("file://").removeprefix("file:"))
    try:
        return fs.FileSystem.from_uri(_SAME.get(scheme, scheme) + uri.removeprefix(scheme))
    except (pa.ArrowInvalid, NotImplementedError, OSError) as error:
        raise OutputError(f"cannot reach {uri}: {error}") from error


def names_in(uri: str) -> list[str] | None:
    """Return the names in a folder, sorted, or None where there is none.

    Raises
    ------
    OutputError
        If the path is a file, or cannot be looked at.
    """
    system, path = open_uri(uri)
    try:
        kind = system.get_file_info(path).type
        inside = system.get_file_info(fs.FileSelector(path)) if kind == fs.FileType.Directory else []
    except OSError as error:
        raise OutputError(f"cannot look into {uri}: {error}") from error
    if kind == fs.FileType.File:
        raise OutputError(f"{uri} is a file, wanted a folder")
    return None if kind == fs.FileType.NotFound else sorted(info.base_name for info in inside)


def local_size(path: str) -> int | None:
    """Return the bytes of a file or of all files in a folder; None where there is none, or not on this machine."""
    if urlsplit(path).scheme not in ("", "file"):
        return None
    system, path = open_uri(path)
    try:
        found = [system.get_file_info(path)]
        if found[0].type == fs.FileType.Directory:
            found += system.get_file_info(fs.FileSelector(path, recursive=True))
    except OSError:
        return None
    return None if found[0].type == fs.FileType.NotFound else sum(info.size or 0 for info in found)


def make_folder(uri: str) -> None:
    """Make sure that there is a folder that can be written to, or raise OutputError."""
    system, path = open_uri(uri)
    try:
        system.create_dir(path, recursive=True)
    except OSError as error:
        raise OutputError(f"cannot write to {uri}: {error}") from error
    # guard: read-only-output-refused
    if isinstance(system, fs.LocalFileSystem) and not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write to {uri}: the folder is read-only")


def read_text(uri: str) -> str | None:
    """Return the text of a file, or None where there is none."""
    system, path = open_uri(uri)
    if system.get_file_info(path).type != fs.FileType.File:
        return None
    try:
        with system.open_input_stream(path) as stream:
            return stream.read().decode("utf-8", "replace")
    except FileNotFoundError:  # it has gone since
        return None


def write_text(uri: str, text: str) -> None:
    """Write a file that appears whole or not at all."""
    system, path = open_uri(uri)
    local = isinstance(system, fs.LocalFileSystem)
    # object stores show a file when it is closed; a file system shows it while it grows, and to other writers too
    # guard: temporary-file-unique -> target = f"{path}.tmp" if local else path
    target = f"{path}.{uuid.uuid4().hex}.tmp" if local else path
    try:
        with system.open_output_stream(target) as stream:
            stream.write(text.encode("utf-8"))
        if local:
            system.move(target, path)
    except BaseException:
        if local:
            with suppress(OSError):
                Path(target).unlink(missing_ok=True)
        raise


def remove(uri: str) -> None:
    """Remove a file, if it is there."""
    system, path = open_uri(uri)
    if system.get_file_info(path).type == fs.FileType.File:
        system.delete_file(path)


@contextmanager
def locked(folder: str, what: str = "") -> Iterator[None]:
    """Have a folder on this machine to oneself, among those who ask for the same; a process that dies gives it free.

    Delta's log on a local file system is safe within one JVM only: two could write the same version, and one be lost.
    Other stores have no such lock, and need a log store that knows several writers.
    """
    system, path = open_uri(folder)
    if not isinstance(system, fs.LocalFileSystem):
        yield
        return
    system.create_dir(path, recursive=True)
    with (Path(path) / (f"{_LOCK}-{what}" if what else _LOCK)).open("a") as stream:
        # guard: lock-excludes-processes
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
