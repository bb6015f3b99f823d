"""Every error raised on purpose. Each is also the nearest built-in, so that callers may catch either."""

from collections.abc import Sequence


class SegueError(Exception):
    """Something segue refuses to do, told in one line that says how to go on."""


class SettingsError(SegueError, ValueError):
    """The command line or the settings are wrong; nothing was read or written."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class InputError(SegueError, ValueError):
    """The input cannot be used: missing, unreadable, or without what the job needs."""


class ClusteringError(InputError):
    """The tracks cannot be clustered as asked, for instance for want of distinct ones."""


class OutputError(SegueError, OSError):
    """The output cannot be used: not writable, or it holds something that is not segue's."""


class SchemaError(OutputError):
    """A table's columns are not the ones its schema declares."""

    def __init__(self, table: str, *, missing: list[str], extra: list[str], retyped: list[str]) -> None:
        parts = [("missing", missing), ("not declared", extra), ("wrong type", retyped)]
        found = "; ".join(f"{label}: {', '.join(names)}" for label, names in parts if names)
        super().__init__(f"table {table!r} does not match its schema: {found}")


class ConflictError(SegueError, RuntimeError):
    """Another run changed the same output meanwhile, and this one lost."""
