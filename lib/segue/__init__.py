"""segue: cluster a music catalogue by how its tracks sound, and say what to play next."""

__version__ = "0.1.0"
