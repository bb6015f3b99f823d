"""The notebooks hold no outputs and no logic, and run on a small output without a JVM."""

import ast
from pathlib import Path

import pytest
from tests.helpers import notebook_tables

from segue import schema
from segue.storage.store import Store
from segue.synthetic import as_table_rows, synthetic_tracks

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = {path.stem: path for path in sorted((PROJECT / "notebooks").glob("*.ipynb"))}
WITHOUT_SPARK = [name for name in NOTEBOOKS if name != "05_with_spark"]
FIGURE = "application/vnd.plotly.v1+json"


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def nbformat():
    """The package nbformat, imported only here: that takes seconds, and every test process imports this file."""
    import nbformat

    return nbformat


@pytest.fixture(params=NOTEBOOKS)
def notebook(request, nbformat):
    """Every notebook in turn, parsed."""
    return nbformat.read(NOTEBOOKS[request.param], as_version=4)


def test_notebooks_are_numbered():
    assert [name[:2] for name in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_file_is_formatted_as_by_jupyter(name, nbformat):
    text = NOTEBOOKS[name].read_text("utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert text == nbformat.writes(notebook) + "\n"
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert set(notebook.metadata) == {"kernelspec", "language_info"} and notebook.metadata.kernelspec.name == "python3"


def test_no_outputs_are_stored(notebook):
    assert [cell.id for cell in code_cells(notebook) if cell.outputs or cell.execution_count is not None] == []
    assert [cell.id for cell in notebook.cells if cell.metadata] == []


def test_notebook_is_short_and_begins_with_a_title(notebook):
    assert 5 <= len(notebook.cells) <= 12
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")


def test_notebook_defines_no_function(notebook):
    tree = ast.parse("\n".join(cell.source for cell in code_cells(notebook)))
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, definitions)] == []


@pytest.mark.parametrize("name", WITHOUT_SPARK)
def test_notebook_imports_no_spark(name, nbformat):
    notebook = nbformat.read(NOTEBOOKS[name], as_version=4)
    tree = ast.parse("\n".join(cell.source for cell in code_cells(notebook)))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= {"deltalake", "numpy", "os", "pandas", "pathlib", "segue"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with notebooks/ and two outputs, so that the relative paths of a notebook lead to them."""
    root = tmp_path_factory.mktemp("project")
    (root / "notebooks").mkdir()
    notebook_tables.write(root / "out" / "demo")
    notebook_tables.write(root / "out" / "required_only", with_optional=False)
    return root


@pytest.fixture
def execute(project, nbformat, monkeypatch, tmp_path):
    """Return a function that runs a notebook in a new kernel and returns the outputs of its cells by id."""
    from nbclient import NotebookClient

    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("PYTHONPATH", str(PROJECT / "lib"))
    monkeypatch.delenv("SEGUE_OUTPUT", raising=False)

    def run(name):
        notebook = nbformat.read(NOTEBOOKS[name], as_version=4)
        notebook.cells.append(nbformat.v4.new_code_cell("import sys\n'pyspark' in sys.modules", id="pyspark"))
        folder = {"metadata": {"path": str(project / "notebooks")}}
        NotebookClient(notebook, kernel_name="python3", timeout=60, resources=folder).execute()
        return {cell.id: cell.outputs for cell in code_cells(notebook)}

    return run


def text(outputs):
    """Return the text of a cell's outputs."""
    return "".join(output.get("text") or output.data.get("text/plain", "") for output in outputs)


def traces(outputs):
    """Return the traces of the Plotly figures among a cell's outputs."""
    return [trace for output in outputs for trace in output.get("data", {}).get(FIGURE, {}).get("data", [])]


def check_outputs(cells):
    """Fail if a cell has no output or a warning, or if Spark was imported."""
    assert [name for name, outputs in cells.items() if not outputs] == []
    all_outputs = [output for outputs in cells.values() for output in outputs]
    assert [output.text for output in all_outputs if output.get("name") == "stderr"] == []
    assert text(cells["pyspark"]) == "False"


def test_explore_tracks(execute):
    cells = execute("01_explore_tracks")
    check_outputs(cells)
    assert " ".join(text(cells["rejected"]).split()).startswith("rows kind reasons invalid bpm 0 outside [1, 300] 2")
    (bars,) = traces(cells["distribution"])
    assert sum(bars["y"]) == notebook_tables.N_TRACKS
    (heat,) = traces(cells["correlations"])
    assert (len(heat["x"]), heat["x"][0], heat["y"][-1]) == (len(notebook_tables.MEASURED) - 1, "Tempo", "Length")
    (line,) = traces(cells["years"])
    assert line["x"][:2] == [1970, 1971] and len(line["x"]) == 40


def test_choose_k(execute):
    cells = execute("02_choose_k")
    check_outputs(cells)
    assert text(cells["scores"]) == "k = 3 out of 2 to 5; minmax: bpm\n"
    line, marker = traces(cells["silhouette"])
    assert line["x"] == [2, 3, 4, 5] and line["y"] == pytest.approx([0.5, 0.4, 0.3, 0.2])
    assert (marker["x"], marker["y"]) == ([3], pytest.approx([0.4]))
    assert traces(cells["inertia"])[0]["y"] == pytest.approx([50, 100 / 3, 25, 20])
    assert traces(cells["genres"])[0]["y"] == [0.3] * 4


def test_read_the_clusters(execute):
    cells = execute("03_read_the_clusters")
    check_outputs(cells)
    (bars,) = traces(cells["profile"])
    assert bars["y"][-1] == "Tempo" and max(bars["x"]) < -0.5  # every feature of the first cluster is low
    (heat,) = traces(cells["genres"])
    assert heat["z"] == [[50, 50, 0], [0, 0, 100]]
    assert [trace["name"] for trace in traces(cells["tracks"])] == ["Cluster 1", "Cluster 2", "Cluster 3"]


def test_find_similar(execute):
    cells = execute("04_find_similar")
    check_outputs(cells)
    assert "Song 0" in text(cells["track"])
    assert [f"Song {number}" in text(cells["similar"]) for number in (1, 2, 3, 4)] == [True, True, True, False]
    assert text(cells["pairs"]).startswith("33% of 180 are")
    (bars,) = traces(cells["pairs"])
    assert (bars["x"], sorted(bars["customdata"])) == ([180, 180], ["energy", "tempo"])


@pytest.mark.filterwarnings("error:::__main__")
@pytest.mark.parametrize("name", WITHOUT_SPARK)
def test_notebook_runs_without_optional_columns(name, nbformat, project, monkeypatch):
    notebook = nbformat.read(NOTEBOOKS[name], as_version=4)
    monkeypatch.chdir(project / "notebooks")
    monkeypatch.setenv("SEGUE_OUTPUT", "out/required_only")
    # exec instead of a kernel, which takes seconds to start
    names = {"__name__": "__main__"}
    exec("\n".join(cell.source for cell in code_cells(notebook)), names)
    assert names["ROOT"] == "../out/required_only"


def test_notebook_with_spark(spark, nbformat, tmp_path, monkeypatch):
    tracks = as_table_rows(synthetic_tracks(spark, 60, seed=3))
    Store(spark, str(tmp_path / "out" / "demo")).sync(schema.TRACKS, tracks)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.delenv("SEGUE_OUTPUT", raising=False)
    notebook = nbformat.read(NOTEBOOKS["05_with_spark"], as_version=4)
    names = {"__name__": "__main__"}
    # in this process, for the shared session
    exec("\n".join(cell.source for cell in code_cells(notebook)), names)
    assert names["clusters"].scores.k.tolist() == list(range(2, 9))
    assert names["labeled"].count() == 60
    assert not names["labeled"].storageLevel.useMemory
