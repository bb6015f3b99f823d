"""Random draws as column expressions: each a pure function of a seed, a name and some keys.

Spark's own ``rand`` depends on the partition that a row happens to be in; a hash of its number does not.
"""

import hashlib
import math
from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F


def bits(seed: int, name: str, *keys: Column) -> Column:
    """Return 64 random bits as a long. With one long as key, different keys always give different bits.

    The name separates draws that share their keys. Seed and name go through SHA-256 here, once, and into
    the row's hash as a number; the key goes last through XXH64, which is a bijection of a single long.
    """
    stream = int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big", signed=True)
    return F.xxhash64(F.lit(stream).cast("long"), *keys)


def uniform(seed: int, name: str, *keys: Column) -> Column:
    """Return a double strictly between 0 and 1: the middle of one of 2^52 steps."""
    steps = F.shiftrightunsigned(bits(seed, name, *keys), 12)
    return (steps + F.lit(0.5)) * F.lit(2.0**-52)


def normal(seed: int, name: str, *keys: Column) -> Column:
    """Return a standard normal double (Box and Muller, 1958)."""
    radius = F.sqrt(F.log(uniform(seed, f"{name}/radius", *keys)) * F.lit(-2.0))
    return radius * F.cos(uniform(seed, f"{name}/angle", *keys) * F.lit(2 * math.pi))


def below(bound: int, seed: int, name: str, *keys: Column) -> Column:
    """Return an int from 0 to ``bound - 1``, each equally likely."""
    return F.pmod(bits(seed, name, *keys), F.lit(bound)).cast("int")


def choice(values: Sequence[str] | Sequence[float], place: Column) -> Column:
    """Return the value at ``place`` (from 0).

    The list goes to Spark as one text: as literals it takes a call to the JVM for each value, seconds in all.
    """
    if isinstance(values[0], str):
        array = F.split(F.lit("\n".join(map(str, values))), "\n")  # quoting-proof; split while Spark optimises
    else:
        suffix = "L" if isinstance(values[0], int) else "D"
        array = F.expr(f"array({', '.join(f'{value}{suffix}' for value in values)})")
    return F.get(array, place.cast("int"))


def share_index(shares: Sequence[float], position: Column) -> Column:
    """Return which of the consecutive ``shares`` of the unit interval ``position`` falls into, from 0."""
    index = F.lit(0)
    for i in range(1, len(shares)):
        index = index + (position >= F.lit(math.fsum(shares[:i]))).cast("int")
    return index


def correlated(latent: Column, weight: float, own: Column) -> Column:
    """Return a standard normal whose correlation with the standard normal ``latent`` is ``weight``."""
    return latent * F.lit(weight) + own * F.lit(math.sqrt(1 - weight**2))


def fraction(median: Column, spread: float, deviate: Column) -> Column:
    """Return a logit-normal value: inside (0, 1) by itself, so that nothing piles up at a clipped end."""
    odds = (median / (F.lit(1.0) - median)) * F.exp(deviate * F.lit(spread))
    return odds / (odds + F.lit(1.0))


def thousandths(value: Column) -> Column:
    """Return ``value`` rounded to three decimals (``F.round`` goes through BigDecimal, ten times slower)."""
    return F.rint(value * F.lit(1000.0)) / F.lit(1000.0)
