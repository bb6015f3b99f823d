"""Locate the folder ``conf/`` (default settings, source definitions), and list the versions of libraries."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from segue import __version__


def conf() -> Traversable:
    """Return the folder of ``defaults.toml`` and ``sources/``: in the installed package, else in the checkout."""
    packaged = files("segue") / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "conf"


_LIBRARIES = ("pyspark", "delta-spark", "numpy", "pyarrow", "pandas")


def versions() -> dict[str, str]:
    """Return a dict from name to version, as text, of segue, Python and the libraries that results depend on.

    The version of a library without package metadata is the ``__version__`` of its module, if that is loaded, else
    "unknown".
    """
    numbers = {"segue": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            numbers[library] = version(library)
        except PackageNotFoundError:  # a cluster's Spark brings pyspark without its metadata
            numbers[library] = getattr(sys.modules.get(library), "__version__", "unknown")
    return numbers
