"""Draw random values as Spark columns, by hashing a seed, the name of the draw, and columns such as the row number.

``F.rand`` is not used, because its values depend on the partition of a row.
"""

import hashlib
import math
from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F


def bits(seed: int, name: str, *keys: Column) -> Column:
    """Return a Column of random longs (64 bits): hashes of ``seed``, ``name`` and the values of the columns ``keys``.

    Parameters
    ----------
    seed : any integer
    name : name of the draw; draws with different names are independent, also for equal values of ``keys``
    keys : columns to hash, such as the row's number
        Different values of a single long column give different results: XXH64 is one-to-one in its last long.
    """
    stream = int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big", signed=True)
    return F.xxhash64(F.lit(stream).cast("long"), *keys)


def uniform(seed: int, name: str, *keys: Column) -> Column:
    """Return a Column of random doubles, uniform and strictly between 0 and 1. The parameters are those of ``bits``."""
    steps = F.shiftrightunsigned(bits(seed, name, *keys), 12)
    return (steps + F.lit(0.5)) * F.lit(2.0**-52)


def normal(seed: int, name: str, *keys: Column) -> Column:
    """Return a Column of standard normal random doubles. The parameters are those of ``bits``.

    References
    ----------
    G. E. P. Box, M. E. Muller (1958), "A note on the generation of random normal deviates", Ann. Math. Statist. 29,
    610-611.
    """
    radius = F.sqrt(F.log(uniform(seed, f"{name}/radius", *keys)) * F.lit(-2.0))
    return radius * F.cos(uniform(seed, f"{name}/angle", *keys) * F.lit(2 * math.pi))


def below(bound: int, seed: int, name: str, *keys: Column) -> Column:
    """Return a Column of random ints, uniform from 0 to ``bound - 1``.

    Parameters
    ----------
    bound : number of possible values
    seed, name, keys : as for ``bits``
    """
    return F.pmod(bits(seed, name, *keys), F.lit(bound)).cast("int")


def choice(values: Sequence[str] | Sequence[float], index: Column) -> Column:
    """Return a Column with the element of ``values`` at the position ``index``.

    All values are passed to Spark as one text. With one literal per value, the calls to the JVM would take seconds.

    Parameters
    ----------
    values : strings without line breaks, or numbers; all of one type
    index : column of positions, numbers in [0, len(values))
    """
    if isinstance(values[0], str):
        # in an SQL array the strings would have to be quoted; Spark's optimiser splits this string once, not per row
        array = F.split(F.lit("\n".join(map(str, values))), "\n")
    else:
        suffix = "L" if isinstance(values[0], int) else "D"
        array = F.expr(f"array({', '.join(f'{value}{suffix}' for value in values)})")
    return F.get(array, index.cast("int"))


def share_index(shares: Sequence[float], position: Column) -> Column:
    """Divide [0, 1) into intervals; return a Column with the index of the interval that contains ``position``.

    The shares (0.3, 0.7), for example, give index 0 for positions below 0.3, and index 1 from 0.3 on.

    Parameters
    ----------
    shares : length of each interval, in order; the sum is 1
    position : column of doubles in [0, 1)
    """
    index = F.lit(0)
    for i in range(1, len(shares)):
        index = index + (position >= F.lit(math.fsum(shares[:i]))).cast("int")
    return index


def correlated(latent: Column, weight: float, noise: Column) -> Column:
    """Return a Column of standard normal doubles, correlated with another column.

    Parameters
    ----------
    latent : the other column, standard normal
    weight : the correlation, in [-1, 1]
    noise : standard normal column that is independent of ``latent``
    """
    return latent * F.lit(weight) + noise * F.lit(math.sqrt(1 - weight**2))


def fraction(median: Column, spread: float, deviate: Column) -> Column:
    """Return a Column of fractions in (0, 1) with a normally distributed logit.

    Parameters
    ----------
    median : column with the median of the fraction, in (0, 1)
    spread : standard deviation of the fraction's logit
    deviate : column of standard normal random doubles
    """
    odds = (median / (F.lit(1.0) - median)) * F.exp(deviate * F.lit(spread))
    return odds / (odds + F.lit(1.0))


def thousandths(value: Column) -> Column:
    """Return a Column rounded to three decimals. Ten times faster than ``F.round``, which uses BigDecimal."""
    return F.rint(value * F.lit(1000.0)) / F.lit(1000.0)
