"""Read, write and list single files by path or URI: on the local file system directly, on all others through Hadoop."""

import os
import uuid
from contextlib import suppress
from itertools import islice

from pyspark.sql import SparkSession

from segue.core.paths import local_path
from segue.errors import OutputError
from segue.storage.hadoop_files import HadoopFiles


def local_size(uri: str) -> int | None:
    """Return the size in bytes of a local file, or of all files below a local folder.

    Returns None if the file or folder does not exist, cannot be read, or is not on the local file system.
    """
    path = local_path(uri)
    if path is None:
        return None
    try:
        if not path.is_dir():
            return path.stat().st_size
        return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())
    except OSError:
        return None


class Files:
    """Reads, writes and lists single files by path or URI.

    Local files are accessed directly, in about 0.1 ms per call. All other file systems are accessed through Hadoop,
    with the endpoints and credentials of the Spark session, in some 10 to 400 ms per call.

    If the local file system fails, ``list_names`` and ``make_folder`` raise OutputError, the other methods a plain
    OSError. If another file system fails or cannot be reached, every method raises OutputError, a subclass of OSError.

    Parameters
    ----------
    spark : the session; if None, only local files can be read and written
    """

    def __init__(self, spark: SparkSession | None = None) -> None:
        self._spark = spark
        self._opened: HadoopFiles | None = None

    def list_names(self, uri: str, limit: int | None = None) -> list[str] | None:
        """Return the names in a folder, sorted; None if the folder does not exist.

        Parameters
        ----------
        uri : path or URI of a folder
        limit : maximum number of names to return, or None for all; it is undefined which names are returned

        Raises
        ------
        OutputError
            If ``uri`` is a file, or cannot be listed.
        """
        path = local_path(uri)
        if path is None:
            return self._hadoop(uri).list_names(uri, limit)
        try:
            with os.scandir(path) as entries:
                return sorted(entry.name for entry in islice(entries, limit))
        except FileNotFoundError:
            return None
        except NotADirectoryError as error:
            raise OutputError(f"{uri} is a file, expected a folder") from error
        except OSError as error:
            raise OutputError(f"cannot list {uri}: {error.strerror}") from error

    def make_folder(self, uri: str) -> None:
        """Create a folder and its parents where missing.

        Raises OutputError if the folder cannot be created, or if it is local and read-only.
        """
        path = local_path(uri)
        if path is None:
            return self._hadoop(uri).make_folder(uri)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write to {uri}: {error.strerror}") from error
        # guard: read-only-output-refused
        if not os.access(path, os.W_OK | os.X_OK):
            raise OutputError(f"cannot write to {uri}: the folder is read-only")

    def read_text(self, uri: str) -> str | None:
        """Return the text of a UTF-8 file; None if there is no such file. Invalid bytes become U+FFFD."""
        content = self.read_bytes(uri)
        return None if content is None else content.decode("utf-8", "replace")

    def read_bytes(self, uri: str) -> bytes | None:
        """Return the bytes of a file; None if it does not exist or is a folder."""
        path = local_path(uri)
        if path is None:
            return self._hadoop(uri).read(uri)
        try:
            return path.read_bytes() if path.is_file() else None
        except FileNotFoundError:  # removed between the two calls
            return None

    def write_text(self, uri: str, text: str) -> None:
        """Write a text to a file in UTF-8, atomically: a reader gets the old content or the new, never a part.

        The folder of a local file must exist. On other file systems, a missing folder is created.
        """
        path = local_path(uri)
        if path is None:
            return self._hadoop(uri).write(uri, text.encode("utf-8"))
        # guard: temporary-file-unique -> temporary = path.with_name(f"{path.name}.tmp")
        temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
        try:
            temporary.write_bytes(text.encode("utf-8"))
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

    def remove_file(self, uri: str) -> None:
        """Remove a file; do nothing if there is no such file."""
        path = local_path(uri)
        if path is None:
            return self._hadoop(uri).remove(uri)
        path.unlink(missing_ok=True)

    def creates_conditionally(self, folder: str) -> bool:
        """Return whether an object store can create a file on condition that it does not exist (S3: If-None-Match).

        To find out, creates an empty file twice in ``folder``, a URI, and removes it.
        """
        return self._hadoop(folder).creates_conditionally(folder)

    def _hadoop(self, uri: str) -> HadoopFiles:
        if self._spark is None:
            raise OutputError(f"cannot reach {uri} without a Spark session, expected a local path")
        if self._opened is None:
            self._opened = HadoopFiles(self._spark)
        return self._opened
