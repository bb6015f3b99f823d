"""Define the names, units and number formats of features in the report."""

NAMES = {
    "bpm": "tempo",
    "loudness": "loudness",
    "energy": "energy",
    "danceability": "danceability",
    "liveness": "liveness",
    "valence": "cheerfulness",
    "acousticness": "acousticness",
    "speechiness": "speechiness",
    "instrumentalness": "instrumentalness",
    "duration_s": "length",
    "popularity": "popularity",
    "year": "year of release",
}
"""The names of features in the report, in lower case: a dict from column to name."""
_UNITS = {
    "bpm": "beats per minute",
    "loudness": "dB",
    "duration_s": "minutes",
    "popularity": "0 to 100",
    "year": "",
}
_PERCENT = "%"


def display_unit(name: str) -> str:
    """Return the unit of a feature in the report: "%" for fractions, "minutes" for ``duration_s``, "" for ``year``."""
    return _UNITS.get(name, _PERCENT)


def label_with_unit(name: str) -> str:
    """Return the name of a feature with its unit in the report, as the title of an axis.

    >>> label_with_unit("bpm"), label_with_unit("energy"), label_with_unit("year")
    ('Tempo, beats per minute', 'Energy, %', 'Year of release')
    """
    return ", ".join(part for part in (NAMES[name].capitalize(), display_unit(name)) if part)


def display_factor(name: str) -> float:
    """Return the factor from a feature's unit in the tables to its unit in the report.

    The factor is 100 for fractions (shown in %), 1/60 for ``duration_s`` (shown in minutes), and 1 for others.
    """
    if name == "duration_s":
        return 1 / 60
    return 100.0 if display_unit(name) == _PERCENT else 1.0


def format_value(name: str, value: float) -> str:
    """Format a feature's value, in the unit of the tables, as text with the unit of the report.

    >>> format_value("bpm", 121.62), format_value("loudness", -9.04)
    ('122 BPM', '−9.0 dB')
    >>> format_value("energy", 0.614), format_value("duration_s", 205.0)
    ('61 %', '3:25')
    """
    if name == "duration_s":
        minutes, seconds = divmod(round(value), 60)
        return f"{minutes:,}:{seconds:02d}"
    if name == "loudness":
        return f"{round(value, 1) + 0.0:.1f} dB".replace("-", "\N{MINUS SIGN}")  # + 0.0 turns -0.0 into 0.0
    if name == "year":
        return f"{value:.0f}"
    text = f"{value * display_factor(name):,.0f}"
    return text + {"bpm": " BPM", "popularity": ""}.get(name, " %")


def format_signed(value: float) -> str:
    """Format a number as text with two decimals and the typographic minus sign.

    >>> format_signed(-0.671), format_signed(-0.001)
    ('−0.67', '0.00')
    """
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")


def spell_number(number: int) -> str:
    """Format a number as text: a word up to twelve ("no" for 0), else digits with commas between thousands.

    >>> spell_number(10), spell_number(21), spell_number(114000)
    ('ten', '21', '114,000')
    """
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    return words[number] if 0 <= number < len(words) else f"{number:,}"
