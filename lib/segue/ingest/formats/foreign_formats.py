"""Recognise files that segue cannot read, by ending or first bytes, and say how to convert, unpack or rename them."""

import re

_EXPORT = "save it as .xlsx or CSV in the program that made it"
_PANDAS = """python -c "import pandas; pandas.{}('FILE').to_parquet('FILE.parquet')\""""
_SQLITE = "an SQLite database", "export a table with: sqlite3 -header -csv FILE 'SELECT * FROM TABLE' > FILE.csv"
_FEATHER = "a Feather or Arrow file", f"convert it with: {_PANDAS.format('read_feather')}"
_PICKLE = (
    "a Python pickle, which can run any program when it is opened",
    f"if you trust its author, convert it with: {_PANDAS.format('read_pickle')}",
)
_R_DATA = "R data", "export it in R with: write.csv(readRDS('FILE'), 'FILE.csv', row.names = FALSE)"
_R_WORKSPACE = (
    "an R workspace",
    "export a data frame in R with: load('FILE'); write.csv(NAME, 'FILE.csv', row.names = FALSE)",
)
_OLD_EXCEL = "an old or password-protected Excel workbook", _EXPORT
_HDF5 = "an HDF5 file", f"convert it with: {_PANDAS.format('read_hdf')}"
_ORC = "an ORC file", f"convert it with: {_PANDAS.format('read_orc')}"
_ARCHIVE = "an archive", "extract it, and pass the extracted file"
_XZ = "compressed with xz", "decompress it with: xz -d FILE"

_Format = tuple[str, str]
"""A pair: what a file is, and what to do. ``FILE`` in the second text is replaced by the file's name."""

_BY_ENDING: dict[str, _Format] = {
    **dict.fromkeys((".xls", ".xlsb"), _OLD_EXCEL),
    ".ods": ("an OpenDocument spreadsheet", _EXPORT),
    ".numbers": ("an Apple Numbers document", "export it with: File > Export To > CSV"),
    ".arff": ("a Weka ARFF file", "save it as CSV in Weka's viewer"),
    ".rds": _R_DATA,
    **dict.fromkeys((".rda", ".rdata"), _R_WORKSPACE),
    **dict.fromkeys((".sqlite", ".sqlite3", ".db"), _SQLITE),
    **dict.fromkeys((".feather", ".arrow", ".ipc"), _FEATHER),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), _PICKLE),
    **dict.fromkeys((".h5", ".hdf5"), _HDF5),
    ".orc": _ORC,
    ".avro": ("an Avro file", "convert it to Parquet or JSON lines"),
    ".dta": ("a Stata data set", f"convert it with: {_PANDAS.format('read_stata')}"),
    ".sav": ("an SPSS data set", "save it as CSV in SPSS"),
    ".xml": ("an XML file", f"convert it with: {_PANDAS.format('read_xml')}"),
    **dict.fromkeys((".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"), _ARCHIVE),
    ".xz": _XZ,
}
_BY_FIRST_BYTES: tuple[tuple[bytes, _Format], ...] = (
    (rb"PAR1", ("a Parquet file", "rename it so that it ends in .parquet")),
    (rb"SQLite format 3\0", _SQLITE),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLD_EXCEL),
    (rb"ARROW1|FEA1", _FEATHER),
    (rb"\x80[\x02-\x05][}\](c\x95X]", _PICKLE),
    (rb"[XAB]\n\0\0|RDX[23]\n|RDA[23]\n", ("R data", "export it in R with write.csv")),
    (rb"\x89HDF\r\n", _HDF5),
    (rb"ORC[\n\x08-\x12]", _ORC),
    (rb"Obj\x01", ("an Avro file", "convert it to Parquet or JSON lines")),
    (rb"\x93NUMPY", ("a NumPy array", "write it as CSV with a header line")),
    (rb"%PDF-", ("a PDF document", "look for the table's CSV")),
    (rb"\xfd7zXZ\0", _XZ),
    (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a|.{257}ustar", _ARCHIVE),
    (rb"PK\x03\x04|\x1f\x8b|BZh[1-9]|\x28\xb5\x2f\xfd", ("compressed", "decompress it")),
)
"""Patterns of the first bytes of files, tried in this order."""


def describe_ending(name: str) -> str | None:
    """Describe a file of an unsupported format by its ending: "is an Avro file, expected CSV, …; convert it to …".

    Returns None if the ending is unknown.
    """
    endings = [ending for ending in _BY_ENDING if name.lower().endswith(ending)]
    return _describe(name, _BY_ENDING[max(endings, key=len)]) if endings else None


def describe_bytes(name: str, head: bytes) -> str | None:
    """Describe a file of an unsupported format by its first bytes: "is an Avro file, expected CSV, …; convert it to …".

    Returns None if the first bytes are unknown.
    """
    formats = (each for pattern, each in _BY_FIRST_BYTES if re.match(pattern, head, re.DOTALL))
    form = next(formats, None)
    return form and _describe(name, form)


def _describe(name: str, form: _Format) -> str:
    base = name.rpartition("/")[2]
    return f"is {form[0]}, expected CSV, JSON, Parquet or .xlsx; {form[1].replace('FILE', base)}"
