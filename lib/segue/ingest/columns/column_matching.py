"""Match a file's headers to canonical columns, by name and then by values, and decide the units of the columns.

A canonical column is a column of the table ``tracks`` that files can fill, one of ``sources.COLUMNS``. Names are
compared with format definitions: TOML files in ``conf/sources``, loaded as ``Source`` objects. A format definition maps
the headers of a published format, or of one language, to canonical columns and units. Users may add their own.
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
    """A column of a file, matched to a canonical column (a column of the table ``tracks``).

    Attributes
    ----------
    index : position of the column in the file, from 0
    header : name of the column in the file
    unit : unit of the values, one of those that ``units.UNITS`` lists for the canonical column; None for canonical
        columns with a single unit, and before the unit is inferred
    """

    index: int
    header: str
    unit: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ColumnLayout:
    """How the columns of a file are read: the canonical column (column of ``tracks``) and the unit of each.

    Attributes
    ----------
    source : name of the format definition (``conf/sources/*.toml``) that has the largest number of the file's headers
    columns : a MatchedColumn by canonical column
    ignored : headers of the columns that are not read
    decimal_comma : whether numbers are written with a decimal comma
    guesses : what values or a similar spelling decided, such as an inferred unit or a misspelt header
    warnings : sentences about columns that are probably misread
    refusals : reasons to refuse the file, by canonical column or ``decimal_sign``; empty for a readable file
    genre_separator : the separator of genres; None if each text is one genre or a list in brackets
    header : the names of all columns of the file
    key : ``layout_memory.layout_key``, the hash of format and header in the table ``layout_decisions``; may be empty
    decided : what to store in ``layout_decisions``: a dict from decision, such as ``valence.unit``, to value
    remembered : decisions of earlier files with this header by which this file is read: a dict from decision to a value
        from ``layout_decisions``
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
        """The sentences to log at level INFO: those of all guesses, except for sentences that are also warnings."""
        return tuple(guess.sentence for guess in self.guesses if guess.sentence not in self.warnings)


def match_headers(
    header: Sequence[str], sources: Sequence[Source], sample: SampleValues = ()
) -> tuple[str, dict[str, MatchedColumn]]:
    """Match the headers of a file; return the name of the best format definition, and the MatchedColumns.

    The best format definition (``conf/sources/*.toml``) is the one that has the largest number of the file's headers.
    If several headers match one canonical column (column of ``tracks``), one is chosen by these criteria, in this
    order:

    * headers of possible values before headers of values that are impossible in the canonical column;
    * headers equal to a name in a format definition, then those with an equal last part after a dot, then misspellings,
      the most similar first;
    * headers in a user's format definition before headers in a built-in one;
    * headers of values that fit better;
    * headers in the best format definition before headers in the next best;
    * the first header in the file.

    Parameters
    ----------
    header : the column names in the order of the file
    sources : the format definitions
    sample : rows of the file as text, shape (n_rows, n_columns); if empty, names alone decide

    Returns
    -------
    name : name of the best format definition; empty if ``sources`` is empty
    columns : dict from canonical column to MatchedColumn, with the declared unit or None
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
    """Return how the columns of a file are read, as a ColumnLayout: matched headers with declared or inferred units.

    A column is ignored if its values contradict its header; ``guesses`` of the result has a sentence about this, and
    for a number column ``warnings`` has it too. For two kinds of number columns, ``refusals`` has the reason instead:
    columns in ``required``, and columns that would fit in a unit that only a format definition can declare.

    Decisions in ``memory`` override the values. If the values rule out a decision, ``refusals`` has the reason; if the
    values are too few for that, ``warnings`` has it.

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
    """Yield a Guess for each doubtful match in ``chosen``, a dict from canonical column to column of the file.

    One Guess is yielded if the header of the chosen column is misspelt, and one if ``candidates`` has a second column
    of the file for the same canonical column, in either of two cases: both have the same name, and the values or else
    the position in the file decided; or the second has the better name, and the values decided.

    No Guess is yielded for a choice that an earlier file with this header has made (table ``layout_decisions``).
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
    """Return a pair of texts for each column with values that contradict its header.

    A pair is (column of ``tracks``, description), such as ("title", "numbers, expected the title in words").
    ``chosen`` maps columns of ``tracks`` to Candidates. Only track ids, years, musical keys and columns of text
    are examined. A match that was also made in an earlier file with the same header is accepted.
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
    """Yield one warning if title, artist or genre is not matched although ignored columns of the file hold words.

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
