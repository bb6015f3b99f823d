"""The README's Python and the examples run as they are printed, in a session of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from segue.synthetic import synthetic_kaggle_rows, write_csv

PROJECT = Path(__file__).parents[2]
RUN = """
import runpy, sys
exec(open("readme.py").read(), {})
for name, *args in (["cluster_a_file", "catalogue.csv"], ["kmeans_grid"]):
    sys.argv = [name, *args]
    runpy.run_path(f"{examples}/{name}.py", run_name="__main__")
"""


@pytest.mark.cluster
def test_python_of_the_readme_and_the_examples_run(spark, tmp_path):
    write_csv(synthetic_kaggle_rows(spark, 400), tmp_path / "catalogue.csv")
    (code,) = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "readme.py").write_text(code, "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", f"examples = {str(PROJECT / 'examples')!r}\n{RUN}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT / "lib")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "silhouette" in done.stdout and "'added': 39" in done.stdout
    assert "Most similar to" in done.stdout and "k = 3: silhouette 0.9" in done.stdout
    assert (tmp_path / "out" / "python" / "report.html").exists()
