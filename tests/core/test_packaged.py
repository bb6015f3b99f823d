"""The versions of libraries that a run records."""

import sys
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

from segue.core import packaged


def test_library_without_metadata_has_the_version_of_its_module(monkeypatch):
    def no_metadata(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packaged, "version", no_metadata)
    monkeypatch.setitem(sys.modules, "pyspark", SimpleNamespace(__version__="4.2.0"))
    monkeypatch.delitem(sys.modules, "delta-spark", raising=False)
    versions = packaged.versions()
    assert (versions["pyspark"], versions["delta-spark"]) == ("4.2.0", "unknown")
