"""Pages that are written for the repository, with their links led to the pages of the site."""

from __future__ import annotations

import re

from tools.site.live import source

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?://|#)([^)#\s]+)(#[\w-]+)?\)")


def page(text: str, pages: dict[str, str], repository: str) -> str:
    """The text with each relative link led to its page or to the repository.

    Where nothing is published, the link is taken off.

    `pages` maps files of the repository to those of the site; notebooks keep their places.

    >>> page("[A](A.md) [L](LICENSE) [05](notebooks/05.ipynb)", {"A.md": "a.md"}, "")
    '[A](a.md) L [05](notebooks/05.ipynb)'
    """

    def led(found: re.Match[str]) -> str:
        words, path, anchor = found[1], found[2], found[3] or ""
        if path in pages:
            return f"[{words}]({pages[path]}{anchor})"
        if re.fullmatch(r"(notebooks|exercises)/\w+\.ipynb", path):
            return found[0]
        address = source(path, repository)
        return f"[{words}]({address}{anchor})" if address else words

    return LINK.sub(led, text)
