"""Locate packaged data files (``conf/``: defaults and source definitions), and list the versions of libraries."""

import platform
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

    A library without package metadata has the version "unknown".
    """
    numbers = {"segue": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            numbers[library] = version(library)
        except PackageNotFoundError:  # a cluster may bring a library without its metadata
            numbers[library] = "unknown"
    return numbers
