"""The version of segue."""

__version__ = "0.2.0"
