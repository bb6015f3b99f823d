"""Define the errors that segue raises on purpose. Each but the base class is also a subclass of a built-in error."""

from collections.abc import Sequence


class SegueError(Exception):
    """Base class of the errors that segue raises on purpose.

    The message of such an error is one line: what was found, what was expected, and what to change.
    """


class SettingsError(SegueError, ValueError):
    """The command line or a setting is invalid; raised before any input is read or any table written.

    Parameters
    ----------
    faults : one message per invalid option or setting; stored as a tuple in the attribute ``faults``
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class InputError(SegueError, ValueError):
    """The input is missing or cannot be read, lacks a column or a title, or needs a tool that is not installed."""


class ClusteringError(InputError):
    """The tracks cannot be clustered as requested, for example because too few of them are distinct."""


class OutputError(SegueError, OSError):
    """The output is not readable or writable, holds files of another program, or lacks a table that is needed."""


class SchemaError(OutputError):
    """The columns of a table differ from its declaration in ``segue.schema``.

    Parameters
    ----------
    table : name of the table
    missing : declared columns that the table lacks
    extra : columns of the table that are not declared
    retyped : columns of another type than declared, each as a text such as ``bpm (string, expected double)``
    """

    def __init__(self, table: str, *, missing: list[str], extra: list[str], retyped: list[str]) -> None:
        parts = [("missing", missing), ("not declared", extra), ("wrong type", retyped)]
        differences = "; ".join(f"{label}: {', '.join(columns)}" for label, columns in parts if columns)
        super().__init__(f"table {table!r} does not match its schema: {differences}")


class SparkError(SegueError, RuntimeError):
    """Delta's jars are missing on Spark's class path, or are built for another version of Spark."""


class ConflictError(SegueError, RuntimeError):
    """Another run changes the same output, or has changed it meanwhile. Commits that this run has made remain."""
