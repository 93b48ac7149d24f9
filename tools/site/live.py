"""Addresses at which a notebook runs live, once it is known where the repository is published."""

from __future__ import annotations

import re

BRANCH = "main"
COLAB_LACKS = {"anywidget", "gensim", "biopython", "logomaker", "pykeen", "wordfreq"}


def links(path: str, repository: str) -> dict[str, str]:
    """Where the notebook at `path` runs in a browser; `repository` is "owner/name", or "" for not published.

    >>> list(links("notebooks/05_temperature.ipynb", "ada/lab"))
    ['Binder', 'Colab']
    """
    if not repository:
        return {}
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ValueError(f'NSLAB_REPOSITORY must be "owner/name", got {repository!r}')
    return {
        "Binder": f"https://mybinder.org/v2/gh/{repository}/{BRANCH}?urlpath=lab/tree/{path}",
        "Colab": f"https://colab.research.google.com/github/{repository}/blob/{BRANCH}/{path}",
    }


def source(path: str, repository: str) -> str | None:
    """Where the file at `path` can be read, or None where nothing is published."""
    return f"https://github.com/{repository}/blob/{BRANCH}/{path}" if repository else None


def line(path: str, repository: str, run_page: str) -> str:
    """HTML for the line below a title: where this notebook runs live."""
    anchors = [f'<a href="{url}">{name}</a>' for name, url in links(path, repository).items()]
    return "Run it live: " + ", ".join([*anchors, f'<a href="{run_page}">on your machine</a>'])


def colab_cell(lock: list[str], repository: str) -> str:
    """The first cell of a notebook in Colab, as Markdown.

    It installs the lines of a lock that Colab lacks, and the package itself.
    """
    pins = " ".join(pin for pin in lock if pin.partition("==")[0] in COLAB_LACKS)
    return f"""```
%pip install -q {pins}
%pip install -q --no-deps git+https://github.com/{repository or "OWNER/NAME"}
from google.colab import output
output.enable_custom_widget_manager()
```
"""
