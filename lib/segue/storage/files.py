"""The one door for single files and folder listings, by the same URIs that Spark reads."""

import os
import uuid
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from segue.errors import OutputError

_SCHEMES = {"s3a": "s3", "s3n": "s3"}


def spark_uri(path: str) -> str:
    """Return the path as Spark is to be given it: without a scheme it is on this machine's file system."""
    return path.rstrip("/") if urlsplit(path).scheme else f"file:{os.path.abspath(path)}"


def filesystem_for(uri: str) -> tuple[fs.FileSystem, str]:
    """Return Arrow's file system for a path or URI, and the path in it, or raise OutputError."""
    scheme = urlsplit(uri).scheme
    if scheme in ("", "file"):
        return fs.LocalFileSystem(), os.path.abspath(uri.removeprefix("file://").removeprefix("file:"))
    try:
        return fs.FileSystem.from_uri(_SCHEMES.get(scheme, scheme) + uri.removeprefix(scheme))
    except (pa.ArrowInvalid, NotImplementedError, OSError) as error:
        raise OutputError(f"cannot reach {uri}: {error}") from error


def list_names(uri: str) -> list[str] | None:
    """Return the names in a folder, sorted, or None where there is none.

    Raises
    ------
    OutputError
        If the path is a file, or cannot be looked at.
    """
    system, path = filesystem_for(uri)
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
    system, path = filesystem_for(path)
    try:
        found = [system.get_file_info(path)]
        if found[0].type == fs.FileType.Directory:
            found += system.get_file_info(fs.FileSelector(path, recursive=True))
    except OSError:
        return None
    return None if found[0].type == fs.FileType.NotFound else sum(info.size or 0 for info in found)


def make_folder(uri: str) -> None:
    """Make sure that there is a folder that can be written to, or raise OutputError."""
    system, path = filesystem_for(uri)
    try:
        system.create_dir(path, recursive=True)
    except OSError as error:
        raise OutputError(f"cannot write to {uri}: {error}") from error
    # guard: read-only-output-refused
    if isinstance(system, fs.LocalFileSystem) and not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write to {uri}: the folder is read-only")


def read_text(uri: str) -> str | None:
    """Return the text of a file, or None where there is none."""
    system, path = filesystem_for(uri)
    if system.get_file_info(path).type != fs.FileType.File:
        return None
    try:
        with system.open_input_stream(path) as stream:
            return stream.read().decode("utf-8", "replace")
    except FileNotFoundError:  # it has gone since
        return None


def write_text(uri: str, text: str) -> None:
    """Write a file that appears whole or not at all."""
    system, path = filesystem_for(uri)
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


def remove_file(uri: str) -> None:
    """Remove a file, if it is there."""
    system, path = filesystem_for(uri)
    if system.get_file_info(path).type == fs.FileType.File:
        system.delete_file(path)
