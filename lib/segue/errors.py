"""Define segue's errors. Every class but ``SegueError`` is also a subclass of a built-in error, such as ValueError."""

from collections.abc import Sequence


class SegueError(Exception):
    """Base class of segue's errors. The message is one line: what was found, what was expected, and what to change."""


class SettingsError(SegueError, ValueError):
    """The command line or a setting is invalid. Raised before any input is read or any table is written.

    Parameters
    ----------
    faults : one message per invalid option or setting; stored as a tuple in the attribute ``faults``
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class InputError(SegueError, ValueError):
    """The input, or a model, title or figure that was named, is missing, cannot be read, or lacks data that are needed.

    Also raised if a package that is needed for it is not installed, such as openpyxl.
    """


class ClusteringError(InputError):
    """The tracks cannot be clustered as requested, for example because too few of them are distinct."""


class OutputError(SegueError, OSError):
    """The output folder cannot be read or written, holds files of another program, or lacks a needed table."""


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
    """Another run is writing to the same output folder, or has written to it meanwhile.

    Delta commits that this run has already made are not undone.
    """
