"""Packaging: the library in ``lib/segue``, with the files of ``conf/`` inside it."""

import re
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent


def version() -> str:
    """Read ``__version__`` without importing: the packages that segue needs are not installed yet."""
    text = (HERE / "lib" / "segue" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    if match is None:
        raise ValueError('lib/segue/__init__.py has no line __version__ = "..."')
    return match.group(1)


def conf_files() -> list[str]:
    """Return the settings that ship with the code, relative to the project."""
    return sorted(path.relative_to(HERE).as_posix() for path in (HERE / "conf").rglob("*.toml"))


class BuildWithConf(build_py):
    """Puts conf/ into the package, where users of a checkout would not look for it."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # an editable install reads conf/ where it is
            for name in conf_files():
                target = Path(self.build_lib) / "segue" / name
                self.mkpath(str(target.parent))
                self.copy_file(str(HERE / name), str(target))

    def get_source_files(self) -> list[str]:
        """Name conf/ among the sources too, so that a source distribution can build the same wheel."""
        return [*super().get_source_files(), *conf_files()]


setup(
    name="segue",
    version=version(),
    description="Clusters a music catalogue by how its tracks sound, on Spark, and says what to play next.",
    license="MIT",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering",
    ],
    python_requires=">=3.11",
    package_dir={"": "lib"},
    packages=find_packages("lib"),
    package_data={"segue": ["py.typed"], "segue.report": ["web/*"]},
    cmdclass={"build_py": BuildWithConf},
    zip_safe=False,
    install_requires=[
        "charset-normalizer>=3.4,<4",
        "colorcet>=3",
        "deltalake>=1.6",
        "filelock>=3.12",
        "jinja2>=3.1",
        "loky>=3.4",
        "markupsafe>=2.1",
        "numpy>=1.26",
        "pandas>=2.2,<3",  # not imported here: pyspark needs it for mapInArrow, and does not declare it
        "plotly>=6.1,<8",
        "pyarrow>=18",
        "pydantic>=2.7,<3",
        "rapidfuzz>=3.9,<4",
        "rich>=13.7,<16",
        "scipy>=1.11",
        "threadpoolctl>=3",
    ],
    entry_points={"console_scripts": ["segue = segue.lookup.cli:main"]},
    extras_require={
        # An extra, because a cluster brings its own. Which pairs work: see constraints.txt.
        "spark": ["pyspark>=4.2,<4.3", "delta-spark>=4.4,!=4.4.1,<4.5", "py4j>=0.10.9"],
        "picture": ["kaleido>=1.0"],
        # Reads .xlsx files; where Spark's workers have it, a sheet is read like a CSV.
        "excel": ["openpyxl>=3.1,<4"],
        # ipykernel runs the notebooks, and plotly shows figures in them where there is nbformat.
        "notebook": ["deltalake>=1.6", "ipykernel>=6.29", "jupyterlab>=4.4,<5", "nbformat>=5.10", "pandas>=2.2,<3"],
        # Builds the documentation (make docs); duckdb runs the examples of one page.
        "docs": [
            "duckdb",
            "furo",
            "myst-parser>=5,<6",
            "numpydoc>=1.10,<2",
            "sphinx>=9,<10",
            "sphinx-copybutton",
        ],
        "test": [
            "chispa>=0.12,<0.13",
            "deltalake>=1.6",
            "hypothesis",
            "import-linter",
            "ipykernel>=6.29",
            "mypy",
            "nbclient>=0.10",
            "nbformat>=5.10",
            "openpyxl>=3.1,<4",
            "playwright",
            "pytest",
            "pytest-xdist",
            "ruff",
            "scikit-learn",
        ],
    },
)
