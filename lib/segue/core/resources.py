"""Where the files of ``conf/`` are: inside an installed or zipped package, or beside it in a checkout."""

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from segue.core.version import __version__


def conf() -> Traversable:
    """Return the folder that holds ``defaults.toml`` and ``sources/``."""
    packaged = files("segue") / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "conf"


_LIBRARIES = ("pyspark", "delta-spark", "numpy", "pyarrow", "pandas")


def versions() -> dict[str, str]:
    """Return the versions of segue and of what it stands on."""
    found = {"segue": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:  # a cluster may bring a library without its metadata
            found[library] = "unknown"
    return found
