"""Sphinx settings of the published course: all of it works from a folder, with the network off."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

project = "Negative Sampling Lab"
author = "the authors of Negative Sampling Lab"
copyright = author
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "tools.site.maths",
    "tools.site.docstrings",
    "sphinx.ext.napoleon",  # sections such as Args and Returns; after docstrings, which it lays out
    "tools.site.hooks",
]
exclude_patterns = ["parts/*"]

nb_execution_mode = "off"  # tools/site/build.py has run them
nb_ipywidgets_js = {}
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "deflist"]
myst_dmath_double_inline = True
myst_heading_anchors = 3
smartquotes = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Source"]

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["static", "../build/source/static"]
html_css_files = ["scene.css", "site.css"]
html_js_files = [
    "offline.js",
    *((name, {"defer": "defer"}) for name in ("scene.js", "predict.js", "scroll.js")),
]
html_context = {"default_mode": "auto"}
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
html_favicon = "static/favicon.svg"
html_sidebars = {"**": ["search-button-field.html", "sbt-sidebar-nav.html"]}
html_theme_options = {
    "home_page_in_toc": True,
    "show_toc_level": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navigation_with_keys": False,
    "navbar_persistent": [],
    "footer_content_items": [],
}
repository = os.environ.get("NSLAB_REPOSITORY", "")
if repository:
    html_theme_options |= {
        "repository_url": f"https://github.com/{repository}",
        "use_repository_button": True,
    }
