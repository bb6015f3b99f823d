"""Pack ``lib/segue``, with ``conf/`` inside, into one zip for ``--py-files``, and print the zip's path.

The name is a hash of the content: an unchanged library is packed once, and running jobs keep their own.
"""

import hashlib
import os
import sys
import zipfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # zip's first day: the same content gives the same bytes


def contents() -> dict[str, bytes]:
    """Return what the zip holds: file name to bytes, in a fixed order."""
    library, conf = PROJECT / "lib" / "segue", PROJECT / "conf"
    ours = [path for path in library.rglob("*") if path.suffix in (".py", ".html", ".css", ".js")]
    code = {f"segue/{path.relative_to(library).as_posix()}": path for path in ours}
    settings = {f"segue/conf/{path.relative_to(conf).as_posix()}": path for path in conf.rglob("*.toml")}
    return {name: path.read_bytes() for name, path in sorted((code | settings).items())}


def digest(files: dict[str, bytes]) -> str:
    """Return a short name for this content."""
    total = hashlib.sha256()
    for name, content in files.items():
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()[:12]


def write(files: dict[str, bytes], target: Path) -> None:
    """Write the zip under another name first: a second submit must never see half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for name, content in files.items():
                archive.writestr(zipfile.ZipInfo(name, LONG_AGO), content, zipfile.ZIP_DEFLATED)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def main() -> int:
    """Print the path of a zip that holds the library as it is now."""
    files = contents()
    target = PROJECT / "build" / f"segue-{digest(files)}.zip"
    try:
        if not target.exists():
            write(files, target)
    except OSError as fault:
        print(f"error: the library could not be packed into {target}: {fault}", file=sys.stderr)
        return 2
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
