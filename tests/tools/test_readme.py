"""The README, CONTRIBUTING and the first page name what is there, and nothing that is not."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)#\s]+)\)")


def prose(name):
    path = ROOT / name
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return path, text


def local_links(name):
    path, text = prose(name)
    return [(path.parent / link).resolve() for link in LINK.findall(text) if "://" not in link]


NOTEBOOKS = sorted(path for folder in ("notebooks", "exercises") for path in (ROOT / folder).glob("*.ipynb"))
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "INSTRUCTORS.md",
    *(str(path.relative_to(ROOT)) for path in NOTEBOOKS),
]


@pytest.mark.parametrize("page", PAGES)
def test_every_local_link_leads_somewhere(page):
    missing = [str(link) for link in local_links(page) if not link.exists()]
    assert not missing


def test_each_dependency_has_its_reason():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, groups = pyproject["project"], pyproject["dependency-groups"]
    declared = [project["dependencies"], *project["optional-dependencies"].values(), *groups.values()]
    wanted = [
        line for lines in declared for line in lines if isinstance(line, str)
    ]  # else: another group, included
    names = {re.split(r"[\[>=]", line)[0] for line in wanted}
    rows = re.findall(
        r"^\| (.+?) \| .+ \|$", prose("CONTRIBUTING.md")[1].split("## Dependencies")[1], re.MULTILINE
    )
    listed = {name.strip() for row in rows[1:] for name in row.split(",")}
    assert listed - {"---"} == names
