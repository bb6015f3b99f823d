"""Read, write and list single files through Hadoop's FileSystem, called by py4j in Spark's JVM.

Endpoints and credentials are those of Spark's own reads and writes (``spark.hadoop.*``, ``core-site.xml``).
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.sql import SparkSession

from segue.core.file_systems import OBJECT_STORES
from segue.core.text import java_cause
from segue.errors import OutputError

_CONDITION = "fs.option.create.conditional.overwrite"
_NO_CONNECTOR = "FileSystem not found"


class HadoopFiles:
    """Reads, writes and lists single files by URI, with the Hadoop configuration of a Spark session.

    Every method raises OutputError if the file system fails or cannot be reached; the message has the innermost Java
    cause. The constructor raises OutputError for a session of Spark Connect.
    """

    def __init__(self, spark: SparkSession) -> None:
        gateway = spark.sparkContext._gateway
        if gateway is None:
            raise OutputError("the session is of Spark Connect, expected one with a JVM, which reads files of a store")
        self._gateway: Any = gateway
        self._jvm: Any = gateway.jvm
        # the configuration that Spark gives to reads and writes of this session's DataFrames
        self._configuration = spark._jsparkSession.sessionState().newHadoopConf()

    def list_names(self, uri: str, limit: int | None = None) -> list[str] | None:
        """Return the names in a folder, sorted, at most ``limit``; None if the folder does not exist.

        Raises OutputError if ``uri`` is a file.
        """
        path, system = self._open(uri)
        with _failure(f"cannot list {uri}"):
            try:
                # costs three py4j calls per name; one call for all names is not possible: the elements of the array are
                # of a subclass, and py4j then does not accept the array as an argument of type FileStatus[]
                statuses = system.listStatus(path)
                listed = [statuses[index].getPath() for index in range(min(len(statuses), limit or len(statuses)))]
            except Py4JJavaError as error:
                if _is_missing(error):
                    return None
                raise
            # listStatus of a file returns that file
            if len(listed) == 1 and listed[0].equals(system.makeQualified(path)):
                raise OutputError(f"{uri} is a file, expected a folder")
            return sorted(each.getName() for each in listed)

    def make_folder(self, uri: str) -> None:
        """Create a folder and its parents, unless the folder exists."""
        path, system = self._open(uri)
        with _failure(f"cannot write to {uri}"):
            if not system.mkdirs(path):
                raise OutputError(f"cannot write to {uri}: the file system refuses to create the folder")

    def read(self, uri: str) -> bytes | None:
        """Return the bytes of a file; None if it does not exist or is a folder."""
        path, system = self._open(uri)
        with _failure(f"cannot read {uri}"):
            try:
                stream = system.open(path)
                try:
                    return bytes(stream.readAllBytes())
                finally:
                    stream.close()
            except Py4JJavaError as error:
                if _is_missing(error):
                    return None
                raise

    def write(self, uri: str, content: bytes) -> None:
        """Write a file atomically: a reader gets the old content or the new, never a part."""
        path, system = self._open(uri)
        is_object_store = urlsplit(uri).scheme in OBJECT_STORES
        # a new object becomes visible only when it is complete, so it needs no temporary file
        target = path if is_object_store else path.suffix(f".{uuid.uuid4().hex}.tmp")
        with _failure(f"cannot write {uri}"):
            try:
                stream = system.create(target, True)
                try:
                    stream.write(bytearray(content))
                finally:
                    stream.close()
                if not is_object_store:
                    self._rename(target, path)
            except Py4JError:
                if not is_object_store:
                    system.delete(target, False)
                raise

    def remove(self, uri: str) -> None:
        """Remove a file; do nothing if there is no such file."""
        path, system = self._open(uri)
        with _failure(f"cannot remove {uri}"):
            system.delete(path, False)

    def creates_conditionally(self, folder: str) -> bool:
        """Return whether the file system can create a file on condition that it does not exist (S3: If-None-Match).

        To find out, creates an empty file twice in ``folder``, a URI, and removes it.
        """
        path, system = self._open(f"{folder}/.probe-{uuid.uuid4().hex}")
        with _failure(f"cannot write to {folder}"):
            try:
                for _ in range(2):
                    creation = system.createFile(path)
                    creation.must(_CONDITION, True)
                    creation.build().close()
                return False
            except Py4JJavaError:
                return bool(system.exists(path))
            finally:
                system.delete(path, False)

    def _rename(self, source: Any, target: Any) -> None:
        """Rename a file; replace ``target`` if it exists. (``FileSystem.rename`` would fail then.)"""
        rename = getattr(self._jvm.org.apache.hadoop.fs, "Options$Rename")
        options = self._gateway.new_array(rename, 1)
        options[0] = rename.OVERWRITE
        context = self._jvm.org.apache.hadoop.fs.FileContext.getFileContext(target.toUri(), self._configuration)
        context.rename(source, target, options)

    def _open(self, uri: str) -> tuple[Any, Any]:
        """Return Hadoop's Path and FileSystem for a URI. A URI without a host gets the host of its file system."""
        with _failure(f"cannot reach {uri}"):
            path = self._jvm.org.apache.hadoop.fs.Path(uri)
            system = path.getFileSystem(self._configuration)
            # FileContext fails for a path without a host, such as hdfs:///folder; its host is that of fs.defaultFS
            return system.makeQualified(path), system


def _is_missing(error: Py4JJavaError) -> bool:
    return bool(error.java_exception.getClass().getName() == "java.io.FileNotFoundException")


@contextmanager
def _failure(message: str) -> Iterator[None]:
    """Context manager: raise OutputError instead of a Java exception, with ``message`` and the innermost cause."""
    try:
        yield
    except Py4JError as error:
        cause = java_cause(error)
        hint = "; Spark lacks the jars of that store's connector (for s3a: make s3)" if _NO_CONNECTOR in cause else ""
        raise OutputError(f"{message}: {cause}{hint}") from error
