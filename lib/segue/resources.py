"""Where the files of ``conf/`` are: inside an installed or zipped package, or beside it in a checkout."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def conf() -> Traversable:
    """Return the folder that holds ``defaults.toml`` and ``sources/``."""
    packaged = files("segue") / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "conf"
