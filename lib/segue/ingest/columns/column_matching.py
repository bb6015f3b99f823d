"""Match a file's headers to columns of the table ``tracks``, and decide the units of the file's numbers.

Headers are compared with format definitions: TOML files in ``conf/sources``, loaded as ``Source`` objects. A format
definition maps the headers of one published data set or one language to columns of ``tracks``, such as ``tempo`` to
``bpm``. Users may add their own. If several headers match one column, values and names decide (``match_headers``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from segue import schema
from segue.ingest.columns import column_values
from segue.ingest.columns.header_candidates import Candidate, choose_columns, find_candidates, rank_sources
from segue.ingest.columns.layout_constraints import LayoutConstraints, columns_that_changed, units_with_memory
from segue.ingest.columns.layout_memory import (
    OWN_SOURCE,
    UNIT_IN_SOURCE,
    Guess,
    LayoutMemory,
)
from segue.ingest.columns.misfits import SCALES, Misfit
from segue.ingest.columns.sources import Source, fold_accents, normalise_header
from segue.ingest.columns.units import MIN_VALUES, SampleValues

_SHOULD_HAVE = ("title", "artist", "genre")
_MAX_NAMES = 5


@dataclass(frozen=True, slots=True)
class MatchedColumn:
    """A column of a file, matched to a column of the table ``tracks``.

    Attributes
    ----------
    index : position of the column in the file, from 0
    header : name of the column in the file
    unit : unit of the values in the file, such as ``percent`` (see ``units.UNITS``); None for columns with a single
        unit, and before the unit is inferred
    """

    index: int
    header: str
    unit: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ColumnLayout:
    """How the columns of a file are read: matched columns of the table ``tracks``, units, and separators.

    Attributes
    ----------
    source : name of the format definition (``conf/sources/*.toml``) with the largest number of the file's headers
    columns : dict from column of ``tracks`` to the MatchedColumn of the file
    ignored : headers of the columns that are not read
    decimal_comma : whether numbers are written with a decimal comma
    guesses : decisions made from values or similar spelling, such as an inferred unit or a misspelt header
    warnings : sentences about columns that are probably misread
    refusals : the reasons to refuse the file because of its values, as a dict with a column of ``tracks`` or
        ``decimal_sign`` as key; empty if there are none
    genre_separator : the separator of genres; None if each text is one genre or a list in brackets
    header : the names of all columns of the file
    key : hash of format and header (``layout_memory.layout_key``), as in the table ``layout_decisions``; "" if unused
    decided : decisions to store in ``layout_decisions``, by name: ``{"valence.unit": "percent"}``
    remembered : decisions of earlier files with this header, from ``layout_decisions``, that apply to this file
    """

    source: str
    columns: Mapping[str, MatchedColumn]
    ignored: tuple[str, ...] = ()
    decimal_comma: bool = False
    guesses: tuple[Guess, ...] = ()
    warnings: tuple[str, ...] = ()
    refusals: Mapping[str, str] = field(default_factory=dict)
    genre_separator: str | None = None
    header: tuple[str, ...] = ()
    key: str = ""
    decided: Mapping[str, str] = field(default_factory=dict)
    remembered: LayoutMemory = field(default_factory=dict)

    @property
    def decisions(self) -> tuple[str, ...]:
        """The sentences of ``guesses``, for the log. Sentences that are also in ``warnings`` are left out."""
        return tuple(guess.sentence for guess in self.guesses if guess.sentence not in self.warnings)


def match_headers(
    header: Sequence[str], sources: Sequence[Source], sample: SampleValues = ()
) -> tuple[str, dict[str, MatchedColumn]]:
    """Match headers to columns of ``tracks``; return the name of the best format definition, and the matched columns.

    The best format definition (``conf/sources/*.toml``) has the largest number of the file's headers. If several
    headers match one column of ``tracks``, one of them is chosen. A header is preferred if, in this order:

    1. its values are possible in the column (taken for granted if a user wrote its format definition);
    2. its name equals a defined header; or else, equals one after its first dotted parts are removed (``tempo`` in
       ``track.tempo``); or else, is most similar to one;
    3. a user wrote its format definition;
    4. its values fit better;
    5. its format definition has more of the file's headers;
    6. it is the first in the file.

    Parameters
    ----------
    header : the column names in the order of the file
    sources : the format definitions
    sample : rows of the file as text, shape (n_rows, n_columns); if empty, names alone decide

    Returns
    -------
    name : name of the best format definition; empty if ``sources`` is empty
    columns : dict from column of ``tracks`` to MatchedColumn, with the declared unit or None
    """
    ranked = rank_sources(header, sources)
    chosen = choose_columns(find_candidates(header, ranked, sample))
    columns = {name: MatchedColumn(c.index, header[c.index], c.unit) for name, c in chosen.items()}
    return ranked[0].name if ranked else "", columns


def match_columns(
    header: Sequence[str],
    sample: SampleValues,
    sources: Sequence[Source],
    fallback: SampleValues = (),
    required: Sequence[str] = (),
    memory: LayoutMemory | None = None,
    *,
    decimal_comma: bool | None = None,
) -> ColumnLayout:
    """Match the columns of a file to columns of ``tracks``, and decide their units and the decimal sign.

    Values that contradict a header have one of these results:

    * The file is to be refused: ``refusals`` has the reason. This holds for a required number column, and for a number
      column that would fit if a format definition declared its unit.
    * Any other number column is ignored, with a sentence in ``guesses`` and in ``warnings``.
    * Any other column is ignored, with a sentence in ``guesses``.

    A decision in ``memory``, such as a unit, overrides the values. If the values are impossible with the decision,
    ``refusals`` has the reason. If the values only suggest another decision, ``warnings`` has a sentence.

    In the returned ColumnLayout, ``genre_separator`` and ``key`` are not set.

    Parameters
    ----------
    header : sequence of str
        The column names in the order of the file.
    sample : sequence of rows, shape (n_rows, n_columns)
        Rows of the file as text, aligned with the header; None is a missing value.
    sources : sequence of Source
        The format definitions (``conf/sources/*.toml``).
    fallback : sequence of rows, shape (n_rows, n_columns)
        Rows of all files of the input with this header; units are inferred from them if ``sample`` does not decide.
    required : sequence of str
        Audio features that the file must have a column for.
    memory : LayoutMemory or None
        Decisions of earlier files with this header, from the table ``layout_decisions``.
    decimal_comma : bool or None
        Whether numbers are written with a decimal comma; None: decided by ``memory`` or else by the values.
    """
    ranked = rank_sources(header, sources)
    candidates = find_candidates(header, ranked, sample)
    constraints = LayoutConstraints(memory or {}, header, candidates)
    chosen = choose_columns(constraints.choose(candidates, required))
    guesses = [*_name_guesses(header, candidates, chosen, constraints)]
    changes, refusals = columns_that_changed(header, sample, chosen, choose_columns(candidates), constraints)
    ruled_out = []
    for name, reason in _contradictions(chosen, sample, constraints):
        ruled_out.append(chosen.pop(name))
        guesses.append(Guess(f"column {header[ruled_out[-1].index]!r} ignored: it holds {reason}", OWN_SOURCE))
    units = units_with_memory(chosen, sample, fallback, constraints, decimal_comma)
    columns = {
        name: MatchedColumn(c.index, header[c.index], units.units.get(name, c.unit))
        for name, c in chosen.items()
        if name not in units.misfits
    }
    matched = {name: column.index for name, column in columns.items()}
    ignored = {i: text for i, text in enumerate(header) if i not in {*matched.values()} and text.strip()}
    misfits = {name: (header[chosen[name].index], misfit) for name, misfit in units.misfits.items()}
    refusals |= units.refusals
    refusals |= {
        name: _refusal(name, *misfit) for name, misfit in misfits.items() if name in required or misfit[1].unit
    }
    doubts = [Guess(doubt, UNIT_IN_SOURCE) for doubt in units.doubts.values()]
    doubts += [
        Guess(f"column {text!r} is ignored: it {misfit.reason}", OWN_SOURCE)
        for name, (text, misfit) in misfits.items()
        if name not in refusals
    ]
    features = {name: (c.index, c.header) for name, c in columns.items() if name in schema.FEATURE_NAMES}
    texts = _unrecognised_texts(columns, ignored, sample)
    features_warnings = column_values.feature_warnings(features, sample, required)
    ruled_out += [chosen[name] for name in misfits if name not in required]
    return ColumnLayout(
        ranked[0].name if ranked else "",
        columns,
        tuple(ignored.values()),
        units.decimal_comma,
        (*guesses, *units.guesses, *doubts),
        (*changes, *units.warnings, *(doubt.sentence for doubt in doubts), *texts, *features_warnings),
        refusals,
        header=tuple(header),
        decided=constraints.settle(matched, ruled_out, units),
        remembered=constraints.held,
    )


def _name_guesses(
    header: Sequence[str],
    candidates: Sequence[Candidate],
    chosen: Mapping[str, Candidate],
    constraints: LayoutConstraints,
) -> Iterator[Guess]:
    """Yield a Guess for each doubtful match in ``chosen``, a dict from column of ``tracks`` to column of the file.

    A match is doubtful in three cases: the header is misspelt; another column of the file has the same name; another
    column has a better name, but its values fit worse. A match that an earlier file decided is not doubtful.
    """
    names = [fold_accents(normalise_header(text)) for text in header]
    for column, best in chosen.items():
        if constraints.is_remembered(best):
            continue
        if best.is_misspelt:
            yield Guess(f"column {header[best.index]!r} read as {column}", OWN_SOURCE)
        rivals = [c for c in candidates if c.column == column and c.index != best.index]
        namesakes = [c for c in rivals if names[c.index] == names[best.index]]
        outdone = [c for c in rivals if c.fit < best.fit and c.name_key() < best.name_key()]
        for rival in (namesakes or outdone)[:1]:
            reason = "its values fit better" if rival.fit < best.fit else "it comes first"
            sentence = (
                f"column {best.index + 1} ({header[best.index]!r}) read as {column}, and not "
                f"column {rival.index + 1} ({header[rival.index]!r}): {reason}"
            )
            yield Guess(sentence, "rename one of the columns in the file" if namesakes else OWN_SOURCE)


def _contradictions(
    chosen: Mapping[str, Candidate], sample: SampleValues, constraints: LayoutConstraints
) -> list[tuple[str, str]]:
    """Find columns with values that contradict their header; return pairs (column of ``tracks``, description).

    An example is ("title", "numbers, expected the title in words"). Only track ids, musical keys, columns of text, and
    years with at least ``MIN_VALUES`` values are examined. A match that an earlier file decided is accepted.
    """
    contradictions = []
    for name, candidate in chosen.items():
        if candidate.fit != column_values.CONTRADICTS or name not in ("track_id", "year", "key", *schema.TEXTS):
            continue
        texts = column_values.column_texts(sample, candidate.index)
        is_id = column_values.are_ids(texts)
        if constraints.is_remembered(candidate):
            continue
        if name == "track_id":
            contradictions.append((name, "ids of something else" if is_id else "row numbers, expected track ids"))
        elif name in schema.TEXTS:
            contradictions.append((name, f"{'ids' if is_id else 'numbers'}, expected the {name} in words"))
        elif name == "key":
            contradictions.append((name, "numbers beyond 11, expected keys from 0 to 11"))
        elif len(texts) >= MIN_VALUES:
            contradictions.append((name, f"texts such as {texts[0][:40]!r}, expected years or dates"))
    return contradictions


def _refusal(name: str, header: str, misfit: Misfit) -> str:
    way_out = (
        f"; declare its unit in a source of your own (docs/how_to/own_file.md), such as {header!r} = "
        f'{{ column = "{name}", unit = "{misfit.unit}" }} for 0 to {SCALES.get(misfit.unit)}'
    )
    return f"column {header!r} {misfit.reason}{way_out if misfit.unit else ''}"


def _unrecognised_texts(
    columns: Mapping[str, MatchedColumn], ignored: Mapping[int, str], sample: SampleValues
) -> Iterator[str]:
    """Yield a warning if title, artist or genre has no column, but ignored columns hold words. Yields at most one.

    ``ignored`` maps the positions of the ignored columns to their headers.
    """
    lacking = [name for name in _SHOULD_HAVE if name not in columns]
    texts = [
        repr(text)
        for index, text in ignored.items()
        if lacking and column_values.is_text_column(column_values.column_texts(sample, index))
    ]
    if texts:
        more = f" and {len(texts) - _MAX_NAMES} more" if len(texts) > _MAX_NAMES else ""
        yield (
            f"no column for {' and '.join(lacking)}, but columns of text that are not recognised: "
            f"{', '.join(texts[:_MAX_NAMES])}{more}; name them in a source of your own (docs/how_to/own_file.md)"
        )
