"""Configuration of Sphinx: ``make docs`` builds the pages of this folder into ``build/docs``."""

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent / "lib")]

from segue import __version__  # noqa: E402

project = "segue"
release = version = __version__
extensions = ["myst_parser", "numpydoc", "reference", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_ext", "_static"]

# Every link between pages must resolve. Types in signatures are texts: most are classes of other packages.
nitpick_ignore_regex = [(r"py:.*", r".*")]

smartquotes = False  # "--dry-run" and quotes stay as they are
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4

autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# Only the commands of a console block are copied, without their prompt.
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_title = f"segue {release}"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
