"""Locate the folder ``conf/`` with the default settings, and list the versions of libraries."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from segue import __version__


def conf() -> Traversable:
    """Return the folder ``conf/``: in the installed package if it is there, else in the checkout.

    It holds ``defaults.toml``, settings for some purposes in ``recipes/``, and in ``sources/`` one TOML file per
    published data set with its column names.
    """
    packaged = files("segue") / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "conf"


_LIBRARIES = ("pyspark", "delta-spark", "numpy", "pyarrow", "pandas")


def versions() -> dict[str, str]:
    """Return the versions of segue, Python and libraries that affect results, as a dict from name to version.

    If a library has no package metadata, the version is ``__version__`` of the imported module of the same name, or
    "unknown" if there is no such module.
    """
    numbers = {"segue": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            numbers[library] = version(library)
        except PackageNotFoundError:  # a cluster's Spark brings pyspark without its metadata
            numbers[library] = getattr(sys.modules.get(library), "__version__", "unknown")
    return numbers
