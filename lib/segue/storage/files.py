"""Read, write and list single files by the URIs that Spark reads, without Spark."""

import os
import uuid
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from segue.errors import OutputError

_ARROW_SCHEMES = {"s3a": "s3", "s3n": "s3"}


def spark_uri(path: str) -> str:
    """Return a path as a URI for Spark; a path without a scheme becomes ``file:`` and the absolute path.

    Spark itself would look for such a path on Hadoop's ``fs.defaultFS``.
    """
    return path.rstrip("/") if urlsplit(path).scheme else f"file:{os.path.abspath(path)}"


def filesystem_for(uri: str) -> tuple[fs.FileSystem, str]:
    """Return the pyarrow FileSystem for a path or URI, and the path within it.

    Raises
    ------
    OutputError
        If Arrow has no file system for the scheme, or cannot reach it.
    """
    scheme = urlsplit(uri).scheme
    if scheme in ("", "file"):
        return fs.LocalFileSystem(), os.path.abspath(uri.removeprefix("file://").removeprefix("file:"))
    try:
        system, path = fs.FileSystem.from_uri(_ARROW_SCHEMES.get(scheme, scheme) + uri.removeprefix(scheme))
        return system, path
    except (pa.ArrowInvalid, NotImplementedError, OSError) as error:
        raise OutputError(f"cannot reach {uri}: {error}") from error


def list_names(uri: str) -> list[str] | None:
    """Return a sorted list of the names in a folder, or None if the folder does not exist.

    Raises
    ------
    OutputError
        If the path is a file, or cannot be listed.
    """
    system, path = filesystem_for(uri)
    try:
        kind = system.get_file_info(path).type
        entries = system.get_file_info(fs.FileSelector(path)) if kind == fs.FileType.Directory else []
    except OSError as error:
        raise OutputError(f"cannot list {uri}: {error}") from error
    if kind == fs.FileType.File:
        raise OutputError(f"{uri} is a file, expected a folder")
    return None if kind == fs.FileType.NotFound else sorted(info.base_name for info in entries)


def local_size(uri: str) -> int | None:
    """Return the size in bytes of a file or folder; None if it does not exist or is not on the local file system."""
    if urlsplit(uri).scheme not in ("", "file"):
        return None
    system, path = filesystem_for(uri)
    try:
        infos = [system.get_file_info(path)]
        if infos[0].type == fs.FileType.Directory:
            infos += system.get_file_info(fs.FileSelector(path, recursive=True))
    except OSError:
        return None
    return None if infos[0].type == fs.FileType.NotFound else sum(info.size or 0 for info in infos)


def make_folder(uri: str) -> None:
    """Create a folder, and its parents, unless it exists.

    Raises
    ------
    OutputError
        If it cannot be created or is read-only.
    """
    system, path = filesystem_for(uri)
    try:
        system.create_dir(path, recursive=True)
    except OSError as error:
        raise OutputError(f"cannot write to {uri}: {error}") from error
    # guard: read-only-output-refused
    if isinstance(system, fs.LocalFileSystem) and not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write to {uri}: the folder is read-only")


def read_text(uri: str) -> str | None:
    """Return the text of a file, or None if it does not exist. Bytes that are not UTF-8 become U+FFFD."""
    system, path = filesystem_for(uri)
    if system.get_file_info(path).type != fs.FileType.File:
        return None
    try:
        with system.open_input_stream(path) as stream:
            text: str = stream.read().decode("utf-8", "replace")
            return text
    except FileNotFoundError:  # another process has just removed it
        return None


def write_text(uri: str, text: str) -> None:
    """Write a file in UTF-8, atomically: readers see either the old content or the new."""
    system, path = filesystem_for(uri)
    local = isinstance(system, fs.LocalFileSystem)
    # an object store shows a file once it is closed; a local file is visible while it is written
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


def remove_file(uri: str) -> None:
    """Remove a file, if it exists."""
    system, path = filesystem_for(uri)
    if system.get_file_info(path).type == fs.FileType.File:
        system.delete_file(path)
