"""Draw random values as column expressions: each a pure function of a seed, a name and key columns.

``F.rand`` depends on the partition in which a row lies; a hash of the row's number does not.
"""

import hashlib
import math
from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F


def bits(seed: int, name: str, *keys: Column) -> Column:
    """Return a Column of 64 random bits as a long: a hash of seed, name and keys.

    Parameters
    ----------
    seed : any integer
    name : name of the draw; draws of different names are independent, whatever the keys
    keys : columns that identify the drawn value, such as the row's number
        If the only key is a long, different keys give different bits: XXH64 is one-to-one in its last long.
    """
    stream = int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big", signed=True)
    return F.xxhash64(F.lit(stream).cast("long"), *keys)


def uniform(seed: int, name: str, *keys: Column) -> Column:
    """Return a Column of uniform doubles strictly between 0 and 1, a function of seed, name and keys alone.

    ``name`` names the draw: draws of different names are independent. ``keys`` are columns that identify the row.
    """
    steps = F.shiftrightunsigned(bits(seed, name, *keys), 12)
    return (steps + F.lit(0.5)) * F.lit(2.0**-52)


def normal(seed: int, name: str, *keys: Column) -> Column:
    """Return a Column of standard normal doubles, a function of seed, name and keys alone.

    ``name`` names the draw: draws of different names are independent. ``keys`` are columns that identify the row.

    References
    ----------
    G. E. P. Box, M. E. Muller (1958), "A note on the generation of random normal deviates", Ann. Math. Statist. 29,
    610-611.
    """
    radius = F.sqrt(F.log(uniform(seed, f"{name}/radius", *keys)) * F.lit(-2.0))
    return radius * F.cos(uniform(seed, f"{name}/angle", *keys) * F.lit(2 * math.pi))


def below(bound: int, seed: int, name: str, *keys: Column) -> Column:
    """Return a Column of random ints from 0 to ``bound - 1``, uniform, a function of seed, name and keys alone.

    Parameters
    ----------
    bound : exclusive upper bound
    seed, name : seed, and name of the draw; draws of different names are independent
    keys : columns that identify the row, such as its number
    """
    return F.pmod(bits(seed, name, *keys), F.lit(bound)).cast("int")


def choice(values: Sequence[str] | Sequence[float], index: Column) -> Column:
    """Return a Column that has in each row the element of ``values`` at the row's ``index``.

    The list is passed to Spark as one string: a literal per value would cost a JVM call each, seconds in all.

    Parameters
    ----------
    values : strings without line breaks, or numbers, all of one type
    index : column of numbers in [0, len(values))
    """
    if isinstance(values[0], str):
        # a split string, unlike an SQL array, needs no quoting; Spark's optimiser evaluates it once
        array = F.split(F.lit("\n".join(map(str, values))), "\n")
    else:
        suffix = "L" if isinstance(values[0], int) else "D"
        array = F.expr(f"array({', '.join(f'{value}{suffix}' for value in values)})")
    return F.get(array, index.cast("int"))


def share_index(shares: Sequence[float], position: Column) -> Column:
    """Divide [0, 1) into intervals, and return a Column with the index, from 0, of the interval that has ``position``.

    Parameters
    ----------
    shares : lengths of the consecutive intervals, with sum 1
    position : column of doubles in [0, 1)
    """
    index = F.lit(0)
    for i in range(1, len(shares)):
        index = index + (position >= F.lit(math.fsum(shares[:i]))).cast("int")
    return index


def correlated(latent: Column, weight: float, noise: Column) -> Column:
    """Return a standard normal Column whose correlation with ``latent`` is ``weight``.

    Parameters
    ----------
    latent, noise : independent standard normal columns
    weight : correlation, in [-1, 1]
    """
    return latent * F.lit(weight) + noise * F.lit(math.sqrt(1 - weight**2))


def fraction(median: Column, spread: float, deviate: Column) -> Column:
    """Return a Column of logit-normal values, which lie in (0, 1) without clipping.

    Parameters
    ----------
    median : column in (0, 1)
    spread : standard deviation of the value's logit
    deviate : standard normal column
    """
    odds = (median / (F.lit(1.0) - median)) * F.exp(deviate * F.lit(spread))
    return odds / (odds + F.lit(1.0))


def thousandths(value: Column) -> Column:
    """Return a Column rounded to three decimals, ten times faster than by ``F.round``, which uses BigDecimal."""
    return F.rint(value * F.lit(1000.0)) / F.lit(1000.0)
