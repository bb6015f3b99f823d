"""Read, write and list single files through the Hadoop file systems of a Spark session, by py4j.

It uses the endpoints and credentials of Spark's own reads and writes (``spark.hadoop.*``, ``core-site.xml``).
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.sql import SparkSession

from segue.core.text import java_cause
from segue.errors import OutputError

_CONDITION = "fs.option.create.conditional.overwrite"
_NO_CONNECTOR = "FileSystem not found"
_WRITES_APPEAR_WHOLE = ("s3a", "s3n", "s3", "gs", "oss", "cosn", "obs")
"""Schemes of object stores: there a file appears only when it is closed, and then replaces the old one.

So it is written under its own name; a rename, which other file systems need, would copy the content.
"""


class HadoopFiles:
    """The Hadoop file systems of a Spark session.

    Every method raises OutputError with the innermost Java cause, if the file system fails or cannot be reached.
    """

    def __init__(self, spark: SparkSession) -> None:
        gateway = spark.sparkContext._gateway
        if gateway is None:
            raise OutputError("the Spark session has no JVM gateway (Spark Connect), which files of a store need")
        self._gateway: Any = gateway
        self._jvm: Any = gateway.jvm
        # the configuration that Spark gives to reads and writes of this session's DataFrames
        self._configuration = spark._jsparkSession.sessionState().newHadoopConf()

    def list_names(self, uri: str, limit: int | None = None) -> list[str] | None:
        """Return the names in a folder, sorted, or None if the folder does not exist. See ``Files.list_names``."""
        path, system = self._open(uri)
        with _failure(f"cannot list {uri}"):
            try:
                # three py4j calls per name: a Java method for the whole array would take FileStatus[], but py4j does
                # not pass it an array of a subclass
                statuses = system.listStatus(path)
                listed = [statuses[index].getPath() for index in range(min(len(statuses), limit or len(statuses)))]
            except Py4JJavaError as error:
                if _is_missing(error):
                    return None
                raise
            # for the URI of a file, listStatus returns the file itself
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
        """Return the content of a file, or None if it does not exist or is a folder."""
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
        """Write a file atomically: readers see either its old or its new content."""
        path, system = self._open(uri)
        is_whole = urlsplit(uri).scheme in _WRITES_APPEAR_WHOLE
        target = path if is_whole else path.suffix(f".{uuid.uuid4().hex}.tmp")
        with _failure(f"cannot write {uri}"):
            try:
                stream = system.create(target, True)
                try:
                    stream.write(bytearray(content))
                finally:
                    stream.close()
                if not is_whole:
                    self._rename(target, path)
            except Py4JError:
                if not is_whole:
                    system.delete(target, False)
                raise

    def remove(self, uri: str) -> None:
        """Remove a file, if it exists."""
        path, system = self._open(uri)
        with _failure(f"cannot remove {uri}"):
            system.delete(path, False)

    def creates_conditionally(self, folder: str) -> bool:
        """Return whether the file system can refuse to create a file that exists (for S3: heeds If-None-Match).

        Creates an empty file in ``folder`` twice, to see whether the second time fails, and removes it.
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
        """Rename a file, and replace ``target`` in the same step: ``FileSystem.rename`` fails if the target exists."""
        rename = getattr(self._jvm.org.apache.hadoop.fs, "Options$Rename")
        options = self._gateway.new_array(rename, 1)
        options[0] = rename.OVERWRITE
        context = self._jvm.org.apache.hadoop.fs.FileContext.getFileContext(target.toUri(), self._configuration)
        context.rename(source, target, options)

    def _open(self, uri: str) -> tuple[Any, Any]:
        """Return Hadoop's Path and FileSystem objects of a URI. The path has a host, also if the URI has none."""
        with _failure(f"cannot reach {uri}"):
            path = self._jvm.org.apache.hadoop.fs.Path(uri)
            system = path.getFileSystem(self._configuration)
            # FileContext requires the host of hdfs:///folder, which is that of fs.defaultFS
            return system.makeQualified(path), system


def _is_missing(error: Py4JJavaError) -> bool:
    return bool(error.java_exception.getClass().getName() == "java.io.FileNotFoundException")


@contextmanager
def _failure(message: str) -> Iterator[None]:
    """Context manager: raise OutputError with ``message`` and the innermost cause instead of an error of the JVM."""
    try:
        yield
    except Py4JError as error:
        cause = java_cause(error)
        hint = "; Spark lacks the jars of that store's connector (for s3a: make s3)" if _NO_CONNECTOR in cause else ""
        raise OutputError(f"{message}: {cause}{hint}") from error
