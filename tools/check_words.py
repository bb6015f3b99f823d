"""List uses of words that the project's style forbids. ``make check`` fails if there are any.

Checks the names that Python files define, and the text of Python (docstrings, comments, messages), Markdown and TOML
files. Usage: ``check_words.py [PATH ...]``, by default the whole project.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
CHECKED = ("lib", "jobs", "tests", "benchmarks", "tools", "examples", "docs", "conf", "setup.py", "README.md",
           "CHANGELOG.md", "CONTRIBUTING.md")  # fmt: skip
IDENTIFIERS = frozenset(
    [
        "found",
        "place",
        "places",
        "told",
        "tell",
        "stands",
        "night",
        "nights",
        "asked",
        "wanted",
        "said",
        "seen",
        "kept",
        "due",
        "gone",
        "twins",
        "parcels",
        "hands",
        "judge",
        "judged",
        "verdict",
        "fewest",
        "halves",
        "strangers",
    ]
)
"""Words forbidden in snake_case and CamelCase names. Use a noun for the value instead."""
DEPRECATED = "# removed in "
"""Comment after the definition of a deprecated name: names on this line are not checked."""
PROSE = re.compile(
    r"\b(told|tells|stands? (?:for|there|by)|wanted|nights?|evenings?|asked|ha(?:s|ve) (?:a|no) say|without a word|"
    r"as dear|shall|looked at|lets? go|letting go|at hand|twins|parcels)\b",
    re.IGNORECASE,
)


def words(name: str) -> list[str]:
    """Split an identifier into lower-case words: ``"keptRows" -> ["kept", "rows"]``."""
    return re.findall(r"[a-z]+", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower())


def identifiers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line number and name of all variables, arguments, functions, classes and attributes defined in the code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield line number and text of every line of the comments and strings of Python code."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING) or token.type == getattr(tokenize, "FSTRING_MIDDLE", -1):
            yield from enumerate(token.string.split("\n"), token.start[0])


def problems(path: Path) -> list[str]:
    """Return the forbidden words in a file, as texts ``path:line: word``."""
    text = path.read_text("utf-8")
    lines = enumerate(text.split("\n"), 1)
    listed: list[tuple[int, str]] = []
    if path.suffix == ".py":
        code = text.split("\n")
        listed = [
            (line, name)
            for line, name in identifiers(ast.parse(text))
            if IDENTIFIERS & set(words(name)) and DEPRECATED not in code[line - 1]
        ]
        lines = prose(text)
    listed += [(line, match[0]) for line, part in lines for match in PROSE.finditer(part)]
    name = path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path
    return [f"{name}:{line}: {word}" for line, word in sorted(set(listed))]


def main(paths: list[str]) -> int:
    """Print all forbidden words in the files or folders ``paths``, by default in ``CHECKED``.

    Returns the exit code: 1 if there are forbidden words, else 0.
    """
    roots = [Path(path).resolve() for path in paths] or [PROJECT / name for name in CHECKED]
    files = [file for root in roots for file in ([root] if root.is_file() else sorted(root.rglob("*.*")))]
    own = Path(__file__).resolve()
    listed = [
        line for file in files if file.suffix in (".py", ".md", ".toml") and file != own for line in problems(file)
    ]
    print("\n".join(listed))
    return 1 if listed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
