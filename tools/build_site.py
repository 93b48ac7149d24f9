"""Build the published course: run the chapters, write the sources of the pages, let Sphinx make build/site.

    python tools/build_site.py [--chapters 00,05]

With --chapters only those chapters are run; the others are shown with the outputs that are stored in the repository.
NSLAB_REPOSITORY="owner/name" adds the links to Binder, Colab and the sources. A chapter is run again only when it or
the package has changed since.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from store_notebooks import cleaned, executed

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "site"))

from course import contents, live, myths, notebooks, prose, symbols  # noqa: E402

BUILD, SITE = ROOT / "build", ROOT / "site"
CACHE, SOURCE, OUT = BUILD / "cache", BUILD / "source", BUILD / "site"
FILMSTRIPS = "filmstrips"
JOBS = 2
PAGES = {"README.md": "index.md", "INSTRUCTORS.md": "teachers.md", "CONTRIBUTING.md": "contributing.md"}


# --- 1. the chapters, executed


def fingerprint(chapter: Path) -> str:
    """Changes when the chapter or any code of the package does."""
    code = hashlib.sha256(chapter.read_bytes())
    for path in sorted(ROOT.glob("nslab/**/*.py")):
        code.update(path.read_bytes())
    return code.hexdigest()[:16]


def run(chapter: Path) -> Path:
    """The folder that holds the executed chapter and its filmstrips, from the cache where nothing has changed."""
    folder = CACHE / chapter.stem / fingerprint(chapter)
    done = folder / "executed.ipynb"
    if not done.exists():
        shutil.rmtree(folder.parent, ignore_errors=True)
        strips = folder / FILMSTRIPS
        strips.mkdir(parents=True)
        os.environ["NSLAB_FILMSTRIPS"] = str(strips)
        os.environ["NSLAB_FILMSTRIPS_URL"] = f"../{FILMSTRIPS}/{chapter.stem}"
        nbformat.write(cleaned(executed(chapter, threads=1)), done)
        print(f"ran {chapter.name}", flush=True)
    return folder


# --- 2. the sources of the pages


def write(path: Path, text: str) -> None:
    """Write where something has changed, so that Sphinx reads again only what is new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def write_notebooks(found: dict[Path, NotebookNode], repository: str) -> None:
    for path, notebook in found.items():
        place = path.relative_to(ROOT)
        links = live.line(place.as_posix(), repository, "../run.html")
        write(SOURCE / place, nbformat.writes(notebooks.page(notebook, path.stem, links)))


def write_pages(chapters: dict[Path, NotebookNode], repository: str) -> None:
    """Pages written by hand, and those put together from the tables of the repository."""
    for path in SITE.glob("**/*.md"):
        write(SOURCE / path.relative_to(SITE), path.read_text(encoding="utf-8"))
    listed = contents.chapters(read("README.md"))
    glyphs = {path.stem: path.read_text(encoding="utf-8").strip() for path in SITE.glob("glyphs/*.svg")}
    write(SOURCE / "parts/map.html", contents.course_map(listed, glyphs))
    write(SOURCE / "parts/toctrees.md", contents.toctrees(listed))
    exercises = contents.exercises(read("INSTRUCTORS.md"), read("README.md"))
    by_number = {chapter.number: chapter for chapter in listed}
    write(SOURCE / "parts/exercises.md", contents.exercise_list(exercises, by_number))
    start = next(notebook for path, notebook in chapters.items() if path.stem.startswith("00"))
    first_met = tomllib.loads(read("site/symbols.toml"))
    stems = {chapter.number: chapter.stem for chapter in listed}
    write(SOURCE / "parts/symbols.md", symbols.table(start, first_met, stems))
    project = tomllib.loads(read("pyproject.toml"))["project"]
    requirements = project["dependencies"] + project["optional-dependencies"]["applications"]
    write(SOURCE / "parts/colab.md", live.colab_cell(requirements, repository))
    for name in ("INSTRUCTORS.md", "CONTRIBUTING.md"):
        write(SOURCE / PAGES[name], prose.page(read(name), PAGES, repository))


def write_myths(chapters: dict[Path, NotebookNode]) -> None:
    said = tomllib.loads(read("site/myths.toml"))
    by_stem = {path.stem: notebook for path, notebook in chapters.items()}
    intro = said.pop("intro")
    write(SOURCE / "myths.md", myths.page(myths.claims(read("CONTRIBUTING.md")), said, by_stem, intro))


# --- 3. the pages


def sphinx() -> int:
    static = SOURCE / "static"
    static.mkdir(exist_ok=True)
    for name in ("explainer.css", "filmstrip.js"):
        if (ROOT / "nslab/explain" / name).exists():
            shutil.copy(ROOT / "nslab/explain" / name, static)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", SITE, "-d", BUILD / "doctrees"]
    return subprocess.run([*command, SOURCE, OUT], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chapters", default="", help="numbers of those to run, such as 00,05; all by default")
    wanted = parser.parse_args().chapters.split(",")
    repository = os.environ.get("NSLAB_REPOSITORY", "")
    chapters = sorted(ROOT.glob("notebooks/*.ipynb"))
    to_run = [path for path in chapters if wanted == [""] or path.stem[:2] in wanted]

    with ProcessPoolExecutor(JOBS) as pool:
        folders = dict(zip(to_run, pool.map(run, to_run), strict=True))
    found = {
        path: nbformat.read(folders[path] / "executed.ipynb" if path in folders else path, as_version=4)
        for path in chapters
    }
    write_myths(found)
    write_pages(found, repository)
    exercises = {path: nbformat.read(path, as_version=4) for path in sorted(ROOT.glob("exercises/*.ipynb"))}
    write_notebooks(found | exercises, repository)

    status = sphinx()
    for path, folder in folders.items():
        shutil.copytree(folder / FILMSTRIPS, OUT / FILMSTRIPS / path.stem, dirs_exist_ok=True)
    size = sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file())
    print(f"{OUT / 'index.html'}: {size / 1e6:.1f} MB")
    return status


if __name__ == "__main__":
    sys.exit(main())
