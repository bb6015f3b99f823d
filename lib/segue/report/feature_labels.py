"""What people call a feature, and how they write its values; no Spark here."""

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
"""For every number of a track: its name in running text."""
_UNITS = {
    "bpm": "beats per minute",
    "loudness": "dB",
    "duration_s": "minutes",
    "popularity": "0 to 100",
    "year": "",
}
_PERCENT = "%"


def display_unit(name: str) -> str:
    """Return the unit in which values are shown."""
    return _UNITS.get(name, _PERCENT)


def label_with_unit(name: str) -> str:
    """Return the name with its unit, for an axis.

    >>> titled("bpm"), titled("energy"), titled("year")
    ('Tempo, beats per minute', 'Energy, %', 'Year of release')
    """
    return ", ".join(part for part in (NAMES[name].capitalize(), display_unit(name)) if part)


def display_factor(name: str) -> float:
    """Return what a value in the unit of the tables is multiplied by to be shown: fractions as per cent."""
    if name == "duration_s":
        return 1 / 60
    return 100.0 if display_unit(name) == _PERCENT else 1.0


def format_value(name: str, value: float) -> str:
    """Return one value as people write it.

    >>> shown("bpm", 121.62), shown("loudness", -9.04), shown("energy", 0.614), shown("duration_s", 205.0)
    ('122 BPM', '−9.0 dB', '61 %', '3:25')
    """
    if name == "duration_s":
        minutes, seconds = divmod(round(value), 60)
        return f"{minutes:,}:{seconds:02d}"
    if name == "loudness":
        return f"{round(value, 1) + 0.0:.1f} dB".replace("-", "\N{MINUS SIGN}")  # no minus before 0.0
    if name == "year":
        return f"{value:.0f}"
    text = f"{value * display_factor(name):,.0f}"
    return text + {"bpm": " BPM", "popularity": ""}.get(name, " %")


def format_signed(value: float) -> str:
    """Return a number with two decimals and a proper minus.

    >>> signed(-0.671), signed(-0.001)
    ('−0.67', '0.00')
    """
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")


def spell_number(number: int) -> str:
    """Return a small number in words, a large one in digits with separators.

    >>> spelled(10), spelled(21), spelled(114000)
    ('ten', '21', '114,000')
    """
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    return words[number] if 0 <= number < len(words) else f"{number:,}"
