"""The notebooks: kept clean, and every one runs, without a JVM, on a small output."""

import ast
from pathlib import Path

import pytest
from tests.helpers import written_output

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = {path.stem: path for path in sorted((PROJECT / "notebooks").glob("*.ipynb"))}
FIGURE = "application/vnd.plotly.v1+json"


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def nbformat():
    """Loaded by those who need it: it takes seconds, and every process of the suite reads this file."""
    import nbformat

    return nbformat


@pytest.fixture(params=NOTEBOOKS)
def notebook(request, nbformat):
    return nbformat.read(NOTEBOOKS[request.param], as_version=4)


def test_there_are_four():
    assert [name[:2] for name in NOTEBOOKS] == ["01", "02", "03", "04"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_file_is_as_jupyter_saves_it(name, nbformat):
    text = NOTEBOOKS[name].read_text("utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert text == nbformat.writes(notebook) + "\n"
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert set(notebook.metadata) == {"kernelspec", "language_info"} and notebook.metadata.kernelspec.name == "python3"


def test_nothing_is_kept_of_a_run(notebook):
    assert [cell.id for cell in code_cells(notebook) if cell.outputs or cell.execution_count is not None] == []
    assert [cell.id for cell in notebook.cells if cell.metadata] == []


def test_it_is_short_and_opens_with_what_it_is_about(notebook):
    assert 5 <= len(notebook.cells) <= 12
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")


def test_logic_stays_in_the_library(notebook):
    tree = ast.parse("\n".join(cell.source for cell in code_cells(notebook)))
    made = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, made)] == []


def test_it_imports_no_spark(notebook):
    tree = ast.parse("\n".join(cell.source for cell in code_cells(notebook)))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= {"deltalake", "numpy", "os", "pandas", "pathlib", "segue"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder laid out as the project's, so that a notebook's relative paths lead into it."""
    root = tmp_path_factory.mktemp("project")
    (root / "notebooks").mkdir()
    written_output.write(root / "out" / "demo")
    written_output.write(root / "out" / "bare", bare=True)
    return root


@pytest.fixture
def execute(project, nbformat, monkeypatch, tmp_path):
    """Run a notebook in a kernel of its own, and return the outputs of its cells by their ids."""
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


def text(shown):
    return "".join(output.get("text") or output.data.get("text/plain", "") for output in shown)


def traces(shown):
    return [trace for output in shown for trace in output.get("data", {}).get(FIGURE, {}).get("data", [])]


def require_sound(cells):
    """Fail where a cell shows nothing or warns, or where Spark was loaded."""
    assert [name for name, shown in cells.items() if not shown] == []
    every = [output for shown in cells.values() for output in shown]
    assert [output.text for output in every if output.get("name") == "stderr"] == []
    assert text(cells["pyspark"]) == "False"


def test_explore_tracks(execute):
    cells = execute("01_explore_tracks")
    require_sound(cells)
    assert " ".join(text(cells["rejected"]).split()).startswith("rows kind reasons invalid bpm 0 outside [1, 300] 2")
    (bars,) = traces(cells["distribution"])
    assert sum(bars["y"]) == written_output.N_TRACKS
    (heat,) = traces(cells["correlations"])
    assert (len(heat["x"]), heat["x"][0], heat["y"][-1]) == (len(written_output.MEASURED) - 1, "Tempo", "Length")
    (line,) = traces(cells["years"])
    assert line["x"][:2] == [1970, 1971] and len(line["x"]) == 40


def test_choose_k(execute):
    cells = execute("02_choose_k")
    require_sound(cells)
    assert text(cells["scores"]) == "k = 3 out of 2 to 5; minmax: bpm\n"
    line, mark = traces(cells["silhouette"])
    assert line["x"] == [2, 3, 4, 5] and line["y"] == pytest.approx([0.5, 0.4, 0.3, 0.2])
    assert (mark["x"], mark["y"]) == ([3], pytest.approx([0.4]))
    assert traces(cells["inertia"])[0]["y"] == pytest.approx([50, 100 / 3, 25, 20])
    assert traces(cells["genres"])[0]["y"] == [0.3] * 4


def test_read_the_clusters(execute):
    cells = execute("03_read_the_clusters")
    require_sound(cells)
    (bars,) = traces(cells["profile"])
    assert bars["y"][-1] == "Tempo" and max(bars["x"]) < -0.5  # the first cluster was made low in everything
    (heat,) = traces(cells["genres"])
    assert heat["z"] == [[50, 50, 0], [0, 0, 100]]
    assert [trace["name"] for trace in traces(cells["tracks"])] == ["Cluster 1", "Cluster 2", "Cluster 3"]


def test_find_similar(execute):
    cells = execute("04_find_similar")
    require_sound(cells)
    assert "Song 0" in text(cells["track"])
    assert [f"Song {number}" in text(cells["similar"]) for number in (1, 2, 3, 4)] == [True, True, True, False]
    assert text(cells["pairs"]).startswith("33% of 180 are")
    (bars,) = traces(cells["pairs"])
    assert (bars["x"], sorted(bars["customdata"])) == ([180, 180], ["energy", "tempo"])


@pytest.mark.filterwarnings("error:::__main__")
def test_what_a_source_need_not_give_may_be_lacking(notebook, project, monkeypatch):
    monkeypatch.chdir(project / "notebooks")
    monkeypatch.setenv("SEGUE_OUTPUT", "out/bare")
    # a kernel takes seconds to start, and the ones above have shown that it can
    names = {"__name__": "__main__"}
    exec("\n".join(cell.source for cell in code_cells(notebook)), names)
    assert names["ROOT"] == "../out/bare"
