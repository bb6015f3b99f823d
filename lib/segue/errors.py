"""Define the errors that segue raises on purpose. Each is also a subclass of the nearest built-in error."""

from collections.abc import Sequence


class SegueError(Exception):
    """Base class of the errors that segue raises on purpose.

    The message is one line: what was found, what was expected, and what to change.
    """


class SettingsError(SegueError, ValueError):
    """The command line or a setting is invalid; raised before anything is read or written.

    Parameters
    ----------
    faults : one message per invalid option or setting; the attribute ``faults`` holds them as a tuple
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class InputError(SegueError, ValueError):
    """The input is missing, unreadable, or lacks what the job needs."""


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
    retyped : columns of another type than declared, each as ``name (type, expected declared type)``
    """

    def __init__(self, table: str, *, missing: list[str], extra: list[str], retyped: list[str]) -> None:
        parts = [("missing", missing), ("not declared", extra), ("wrong type", retyped)]
        differences = "; ".join(f"{label}: {', '.join(columns)}" for label, columns in parts if columns)
        super().__init__(f"table {table!r} does not match its schema: {differences}")


class SparkError(SegueError, RuntimeError):
    """A library that segue needs, such as Delta's jars, is missing in Spark or is built for another Spark version."""


class ConflictError(SegueError, RuntimeError):
    """A concurrent run has changed or locked the same output. This run's earlier commits, if any, remain."""
