"""State what segue needs to know of each file system, by the scheme of its URIs.

Spark jobs reach every file system that Hadoop has a connector for. To support another one, begin with the constants of
this module. A log store for a scheme other than s3a also needs ``runtime.session``, and its warning about concurrent
writers ``storage.transactions``.
"""

OBJECT_STORES = ("s3a", "s3n", "s3", "gs", "oss", "cosn", "obs")
"""URI schemes of object stores. On these, a new file becomes visible only when its writer has closed it.

On other file systems, files are written under a temporary name and then renamed, and the rename must be atomic.
"""
LOG_STORE_SETTING, LOG_STORE = "spark.delta.logStore.s3a.impl", "segue.ConditionalLogStore"
"""The Spark setting that names Delta's log store for s3a (a Java class that writes the logs of tables), and its value.

The value is segue's own class (``lib/java``). It creates the file of a commit with S3's condition If-None-Match, so
that the write fails if the file exists.
"""
_DELTALAKE_FORMS = {"s3a://": "s3://", "s3n://": "s3://", "file:///": "/", "file:/": "/"}
"""Beginnings of URIs: a dict from Hadoop's form to that of the package deltalake, which reads tables without Spark."""


def deltalake_uri(uri: str) -> str:
    """Convert a Hadoop URI to deltalake's form: ``s3a://bucket/x -> s3://bucket/x``. Other URIs are unchanged."""
    for beginning, replacement in _DELTALAKE_FORMS.items():
        if uri.startswith(beginning):
            return replacement + uri.removeprefix(beginning)
    return uri
