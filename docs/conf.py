"""How Sphinx builds these pages: ``python -m sphinx -W --keep-going -b html docs docs/_build``."""

import inspect
import os
import re
import sys
import warnings
from pathlib import Path

DOCS = Path(__file__).parent
os.environ.setdefault("MPLBACKEND", "Agg")
sys.path.insert(0, str(DOCS.parent / "examples"))

import mlpcore  # noqa: E402

project = "mlpcore"
author = "mlpcore developers"
project_copyright = author
version = release = mlpcore.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "chapter/*", "**.py.md5"]
suppress_warnings = [
    "config.cache",
    "ref.python",
]  # ref.python: `output` is an attribute of several classes
nitpicky = False

# Markdown: definition lists, and links to headings of other pages.
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 3

# The reference: a page for each module and class, from what their docstrings say.
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = False
autodoc_typehints = "none"  # the docstrings tell more
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
add_module_names = False

html_theme = "furo"
html_title = "mlpcore"
html_static_path = ["_static"]
html_css_files = ["mlpcore.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#1f6f8b",
        "color-brand-content": "#1f6f8b",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cc4dc",
        "color-brand-content": "#7cc4dc",
    },
}


def as_written(app, what, name, obj, options, lines):
    """Show shapes such as (None, *shape) and |x| as they are written, and scikit-learn's own links as words.

    A summary loses its references to the literature, which mean nothing in a table of names.
    """
    if lines:
        lines[0] = re.sub(r" \[\d+\]_", "", lines[0])
    for i, line in enumerate(lines):
        line = re.sub(r":(?:ref|term):`([^`<]+?)(?: *<[^>]+>)?`", r"\1", line)
        if not line.lstrip().startswith((">>>", "...", "*")):
            parts = re.split(
                r"(``.+?``|`.+?`|\*\*\w+\*\*|\*\w+\*)", line
            )  # the odd ones are marked up already
            parts[::2] = [
                re.sub(r"\*(?=\S)|\|(?=\w)|(?<=\w)_(?=[,)])", r"\\\g<0>", part)
                for part in parts[::2]
            ]
            line = "".join(parts)
        lines[i] = line


def real_signature(app, what, name, obj, options, signature, return_annotation):
    """Show what `__init__` takes, also of classes whose `__new__` only looks at the arguments."""
    if what == "class" and signature == "(*args, **kwargs)" and isinstance(obj, type):
        parameters = list(inspect.signature(obj.__init__).parameters.values())[1:]
        plain = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
        return str(inspect.Signature(plain)), None
    return None


def is_left_out(app, what, name, obj, skip, options):
    """Leave out what scikit-learn's metadata routing adds to every estimator."""
    return True if re.fullmatch(r"set_\w+_request|get_metadata_routing", name) else None


def setup(app):
    app.connect("autodoc-process-docstring", as_written, priority=400)  # before numpydoc
    app.connect("autodoc-process-signature", real_signature)
    app.connect("autodoc-skip-member", is_left_out)


def quiet(gallery_conf, fname):
    """Begin each page with names counted from 0, and let trainings that are short on purpose end without a warning."""
    mlpcore.utils.clear_session()
    warnings.filterwarnings("ignore", message=".*hasn't converged yet")


sphinx_gallery_conf = {
    "examples_dirs": ["chapter", "../examples"],
    "gallery_dirs": ["generated/chapter", "generated/examples"],
    "filename_pattern": re.escape(os.sep),  # all of them
    "ignore_pattern": r"logic_gates|example_data|tuning_|__init__",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
    "reset_modules": ("matplotlib", quiet),
    "min_reported_time": 10**6,
    "write_computation_times": False,
    "matplotlib_animations": False,
    "default_thumb_file": str(DOCS / "_static" / "thumbnail.png"),
    "show_memory": False,
}
