"""segue: cluster a music catalogue by how its tracks sound, and say what to play next."""

from segue.core.version import __version__

__all__ = ["__version__"]
