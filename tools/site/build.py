"""Build the published course: run the chapters, write the sources of the pages, let Sphinx make build/site.

    python -m tools.site.build [--chapters 00,05]

Of a chapter only the cells run that its explainers need; the others show the outputs that are stored in the
repository. With --chapters only those chapters are run. NSLAB_REPOSITORY="owner/name" adds the links to
Binder, Colab and the sources. A chapter is run again only when it or the package has changed since.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import matplotlib
import nbformat
from fontTools.ttLib import TTFont
from nbformat import NotebookNode

from tools.lab.store_notebooks import Refused, cleaned, executed, texts
from tools.site import contents, live, myths, needed, notebooks, prose, symbols

ROOT = Path(__file__).resolve().parents[2]
BUILD, SITE = ROOT / "build", ROOT / "site"
CACHE, SOURCE, OUT = BUILD / "cache", BUILD / "source", BUILD / "site"
FRAMES = "frames"
SCENE = 'class="nslab-scene"'
JOBS = 2
PAGES = {"README.md": "index.md", "INSTRUCTORS.md": "teachers.md", "CONTRIBUTING.md": "contributing.md"}


# --- 1. the chapters, executed


def fingerprint(chapter: Path) -> str:
    """A hash that changes with the chapter, the package's code or a measured record.

    A chapter may show such a record.
    """
    code = hashlib.sha256(chapter.read_bytes())
    for path in sorted([*ROOT.glob("nslab/**/*.py"), *ROOT.glob("benchmarks/records/*")]):
        code.update(path.read_bytes())
    return code.hexdigest()[:16]


def run(chapter: Path) -> Path:
    """The folder with the executed chapter and the frames of its scenes.

    It comes from the cache where nothing has changed.
    """
    folder = CACHE / chapter.stem / fingerprint(chapter)
    done = folder / "executed.ipynb"
    if not done.exists():
        shutil.rmtree(folder.parent, ignore_errors=True)
        frames = folder / FRAMES
        frames.mkdir(parents=True)
        os.environ["NSLAB_FRAMES"] = str(frames)
        os.environ["NSLAB_FRAMES_URL"] = f"../{FRAMES}/{chapter.stem}"
        nbformat.write(cleaned(with_scenes(chapter)), done)
    return folder


def with_scenes(chapter: Path) -> NotebookNode:
    """The stored chapter with its explainers as scenes. What they need is read off the code, so a part that
    fails, or says other than what is stored, is no use: then all of the chapter runs.
    """
    stored = nbformat.read(chapter, as_version=4)
    part = needed.cells(stored)
    try:
        notebook = executed(chapter, threads=1, only=part) if part else stored
        if plain_texts(notebook) == plain_texts(stored):
            print(f"ran {len(part)} cells of {chapter.name}", flush=True)
            return notebook
    except Refused as reason:
        print(reason, flush=True)
    print(f"runs all of {chapter.name}", flush=True)
    return executed(chapter, threads=1)


def plain_texts(notebook: NotebookNode) -> list[list[tuple[str, str]]]:
    """The texts of each cell, but those of the scenes: a stored notebook has none."""
    return [[(kind, text) for kind, text in cell if SCENE not in text] for cell in texts(notebook)]


# --- 2. the sources of the pages: their texts by their paths


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def written_by_hand() -> dict[str, str]:
    return {
        path.relative_to(SITE).as_posix(): path.read_text(encoding="utf-8") for path in SITE.glob("**/*.md")
    }


def from_notebooks(
    found: Iterable[Path], chapters: Mapping[Path, NotebookNode], repository: str
) -> dict[str, str]:
    """Chapters as they ran, exercises as they are handed out."""
    pages = {}
    for path in found:
        place = path.relative_to(ROOT).as_posix()
        notebook = copy.deepcopy(chapters.get(path)) or nbformat.read(path, as_version=4)
        links = live.line(place, repository, "../run.html")
        pages[place] = nbformat.writes(notebooks.page(notebook, path.stem, links))
    return pages


def from_tables(chapters: Mapping[Path, NotebookNode], repository: str) -> dict[str, str]:
    """What the tables of the repository say.

    They hold the map, the exercises, the symbols, the myths, and how to install in Colab.
    """
    contributing, stems = read("CONTRIBUTING.md"), contents.STEMS
    by_stem = {path.stem: notebook for path, notebook in chapters.items()}
    pictures = {
        path.stem: path.read_text(encoding="utf-8").strip() for path in ROOT.glob("notebooks/map/*.svg")
    }
    said = tomllib.loads(read("site/myths.toml"))
    return {
        "parts/map.html": contents.course_map(pictures),
        **{f"notebooks/map/{number}.svg": picture for number, picture in pictures.items()},
        "parts/toctrees.md": contents.toctrees(),
        "parts/scene.html": first_scene(by_stem[stems["00"]]),
        "parts/exercises.md": contents.exercise_list(),
        "parts/symbols.md": symbols.table(
            by_stem[stems["00"]], tomllib.loads(read("site/symbols.toml")), stems
        ),
        "parts/colab.md": live.colab_cell(read("requirements.lock").splitlines(), repository),
        "myths.md": myths.page(said.pop("intro"), myths.claims(contributing), said, by_stem),
        "teachers.md": prose.page(read("INSTRUCTORS.md"), PAGES, repository),
        "contributing.md": prose.page(contributing, PAGES, repository),
    }


def first_scene(chapter: NotebookNode) -> str:
    """The first scene of a chapter that was run, as the first page shows it; nothing of one that was not."""
    found = (
        output["data"].get("text/html", "")
        for cell in chapter.cells
        for output in cell.get("outputs", [])
        if "data" in output
    )
    scene = next((html for html in found if SCENE in html), "")
    return scene.replace(f'data-frames="../{FRAMES}/', f'data-frames="{FRAMES}/')


def store(sources: Mapping[str, str]) -> None:
    """Write what has changed, so that Sphinx reads again only that, and remove what is no longer there."""
    for path in SOURCE.rglob("*"):
        if path.is_file() and path.relative_to(SOURCE).as_posix() not in sources:
            path.unlink()
    for name, text in sources.items():
        path = SOURCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


# --- 3. the pages


def sphinx() -> int:
    options = ["-W", "--keep-going", "-q", f"-j{JOBS}", "-b", "html", "-c", SITE, "-d", BUILD / "doctrees"]
    return subprocess.run([sys.executable, "-m", "sphinx", *options, SOURCE, OUT], check=False).returncode


def copy_frames(folders: Mapping[Path, Path]) -> None:
    shutil.rmtree(OUT / FRAMES, ignore_errors=True)
    for chapter, folder in folders.items():
        shutil.copytree(folder / FRAMES, OUT / FRAMES / chapter.stem)


def drop_unread() -> None:
    """Remove pictures of earlier builds, source maps, the theme's translations, and the font of brands,
    which only the repository's button needs.
    """
    pages = "".join(path.read_text(encoding="utf-8") for path in OUT.rglob("*.html"))
    old = (path for path in OUT.glob("_images/*") if path.name not in pages)
    brands = () if os.environ.get("NSLAB_REPOSITORY") else OUT.rglob("fa-brands-*.woff2")
    for path in (*old, *OUT.rglob("*.map"), *brands):
        path.unlink()
    shutil.rmtree(OUT / "_static" / "locales", ignore_errors=True)


def copy_font() -> None:
    """Copy STIX, the font of the formulas: few readers have a font for them.

    matplotlib carries it with its licence.
    """
    fonts = Path(matplotlib.get_data_path(), "fonts/ttf")
    shutil.copy(fonts / "LICENSE_STIX", OUT / "_static")
    font = TTFont(fonts / "STIXGeneral.ttf", recalcTimestamp=False)
    font.flavor = "woff"
    font.save(OUT / "_static" / "STIXGeneral.woff")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--chapters", default="", help="numbers of those to run, such as 00,05; all by default"
    )
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
    exercises = sorted(ROOT.glob("exercises/*.ipynb"))
    parts = ("_base/scene.css", "_base/scene.js")
    scripts = {f"static/{Path(part).name}": read(f"nslab/explain/{part}") for part in parts}
    store(
        written_by_hand()
        | from_notebooks([*chapters, *exercises], found, repository)
        | from_tables(found, repository)
        | scripts
    )
    status = sphinx()
    copy_frames(folders)
    copy_font()
    drop_unread()
    size = sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file())
    print(f"{OUT / 'index.html'}: {size / 1e6:.1f} MB")
    return status


if __name__ == "__main__":
    sys.exit(main())
