"""Sphinx configuration: `python -m nox -s docs` builds the pages with warnings as errors."""

import qframe

project = "qframe"
copyright = "2026, the qframe developers"
release = version = qframe.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
default_role = "literal"
nitpicky = True
smartquotes = False  # what stands in quotes is code more often than speech

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Docstrings say the types; a second, generated copy of them would be longer and say less.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
# As a list like the parameters: several names may share a line, and types are prose.
napoleon_custom_sections = [("Attributes", "params_style")]

html_theme = "furo"
html_title = "qframe"
html_static_path = ["_static"]
