"""What it looks like to Delta when another run was faster, and how that is told."""

from collections.abc import Iterator
from contextlib import contextmanager

from delta import exceptions as delta_exceptions

from segue.errors import ConflictError

_LOST = (
    delta_exceptions.DeltaConcurrentModificationException,
    delta_exceptions.ConcurrentWriteException,
    delta_exceptions.MetadataChangedException,
    delta_exceptions.ProtocolChangedException,
    delta_exceptions.ConcurrentAppendException,
    delta_exceptions.ConcurrentDeleteReadException,
    delta_exceptions.ConcurrentDeleteDeleteException,
    delta_exceptions.ConcurrentTransactionException,
)
"""What Delta raises where another writer was faster; they have no ancestor of their own."""


@contextmanager
def one_writer(table: str) -> Iterator[None]:
    """Raise ConflictError where a write inside loses against another run's."""
    try:
        yield
    except _LOST as error:
        raise conflict(table) from error


def conflict(table: str) -> ConflictError:
    """Return the error that says that a table was changed meanwhile."""
    return ConflictError(f"another run changed {table} meanwhile, and this one lost; run again")
