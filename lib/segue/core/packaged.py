"""Locate packaged data files (``conf/``: defaults and source definitions), and list the versions of libraries."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from segue import __version__


def conf() -> Traversable:
    """Return the folder that holds ``defaults.toml`` and ``sources/``, in the installed package or in a checkout."""
    packaged = files("segue") / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "conf"


_LIBRARIES = ("pyspark", "delta-spark", "numpy", "pyarrow", "pandas")


def versions() -> dict[str, str]:
    """Return a dict by name: the versions of segue, Python and the libraries that results depend on.

    For a library without package metadata it is the ``__version__`` of the loaded module, or else "unknown".
    """
    numbers = {"segue": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            numbers[library] = version(library)
        except PackageNotFoundError:  # a cluster's Spark brings pyspark without its metadata
            numbers[library] = getattr(sys.modules.get(library), "__version__", "unknown")
    return numbers
