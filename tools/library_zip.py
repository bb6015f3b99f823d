"""Pack ``lib/segue``, with ``conf/`` inside, into one zip for ``--py-files``, and print the zip's path.

The file name contains a hash of the content. So an unchanged library is packed only once, and a changed library does
not overwrite the zip of a running job.
"""

import hashlib
import os
import sys
import zipfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date in a zip; a fixed date gives the same bytes for the same content


def contents() -> dict[str, bytes]:
    """Return the files of the zip, sorted by name: ``{"segue/__init__.py": b"…", …}``."""
    library, conf = PROJECT / "lib" / "segue", PROJECT / "conf"
    paths = [path for path in library.rglob("*") if path.suffix in (".py", ".html", ".css", ".js")]
    code = {f"segue/{path.relative_to(library).as_posix()}": path for path in paths}
    settings = {f"segue/conf/{path.relative_to(conf).as_posix()}": path for path in conf.rglob("*.toml")}
    return {name: path.read_bytes() for name, path in sorted((code | settings).items())}


def digest(files: dict[str, bytes]) -> str:
    """Return a hash of all names and contents: the first 12 hex digits of a SHA-256."""
    total = hashlib.sha256()
    for name, content in files.items():
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()[:12]


def write(files: dict[str, bytes], target: Path) -> None:
    """Write the zip under a temporary name, then rename it: a concurrent submit never reads a partial file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for name, content in files.items():
                archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def main() -> int:
    """Print the path of the zip of the current library, and write the zip if it does not exist yet.

    Returns the exit code: 0, or 2 if the zip cannot be written.
    """
    files = contents()
    target = PROJECT / "build" / f"segue-{digest(files)}.zip"
    try:
        if not target.exists():
            write(files, target)
    except OSError as fault:
        print(f"error: cannot write the library to {target}: {fault}", file=sys.stderr)
        return 2
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
