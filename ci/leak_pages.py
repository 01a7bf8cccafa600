"""Keep what docs/leaks/*.md quote equal to what Shakeproof says of the examples on these pages.

python ci/leak_pages.py            print what each page should quote
python ci/leak_pages.py --write    put it into the pages

A page holds Python blocks, tagged by what they do - `fails`, `passes`, `idiom` - and text blocks, tagged by who speaks:
`guard` is the sentence of `pytest --leaks=fail`, `stability` what `shakeproof stability` says of the last test.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.investigate.causes import Answer, causes
from shakeproof.lab.base import Target
from shakeproof.lab.fork import ForkLab
from shakeproof.model import Experiment, Finding, Instability, Kind, Restoring, Status
from shakeproof.report import state, story

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs/leaks"
BLOCK = re.compile(r"^```(python|text) (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# No plugin but the guard; and pytest, which puts back the warning filters, is kept from that.
PLAIN = ("-p", "shakeproof.guard", "-p", "no:cacheprovider", "-p", "no:warnings")
# What the examples take for granted: a zone that is not Tokyo, a locale that is not C.
AMBIENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
# What differs from run to run, and what is written instead.
VARYING = (
    (re.compile(r"'[^' ]*/project'"), "'/project'"),
    (re.compile(r"'[^' ]*/pytest(?:-of-[^/]+/pytest-\d+)?/"), "'/tmp/pytest/"),
    (re.compile(r"\('127\.0\.0\.1', \d+\)"), "('127.0.0.1', 40123)"),
    (re.compile(r"\bdescriptor \d+"), "descriptor 12"),
)


@dataclass(frozen=True)
class Page:
    """One category of leaks."""

    path: Path
    text: str

    @property
    def category(self) -> str:
        """What leaks."""
        return self.path.stem

    @property
    def file(self) -> str:
        """What its examples are called when they are run."""
        return f"test_{self.category}.py"

    def block(self, tag: str) -> str:
        """Give the block with a tag; empty where there is none."""
        return next((code for _, name, code in BLOCK.findall(self.text) if name == tag), "")

    @property
    def tests(self) -> tuple[str, ...]:
        """The node ids of the tests that fail, or one of which does."""
        return tuple(
            f"{self.file}::{name}"
            for name in re.findall(r"^def (test_\w+)", self.block("fails"), re.MULTILINE)
        )

    def with_blocks(self, blocks: Mapping[str, str]) -> str:
        """Give its text with these blocks in place of those that it has."""

        def chosen(found: re.Match[str]) -> str:
            language, tag, old = found.groups()
            return f"```{language} {tag}\n{blocks.get(tag, old)}```"

        return BLOCK.sub(chosen, self.text)


def main(argv: list[str]) -> int:
    """Print the pages' quotations, or write them."""
    pages = read_pages()
    with tempfile.TemporaryDirectory() as folder:
        proven = stability(Path(folder), pages)
    for page in pages:
        with tempfile.TemporaryDirectory() as folder:
            printed = run(Path(folder), page, "fails", "--leaks=fail").stdout
        said = {"guard": guard(page, printed), "stability": proven[page.category]}
        if argv == ["--write"]:
            page.path.write_text(page.with_blocks(said), encoding="utf-8")
        else:
            print(page.category, *said.values(), sep="\n")
    return 0


def read_pages() -> tuple[Page, ...]:
    """Read all pages."""
    return tuple(
        Page(path, path.read_text(encoding="utf-8")) for path in sorted(PAGES.glob("*.md"))
    )


def run(folder: Path, page: Page, tag: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a block of a page as a test file, in a folder of its own."""
    rootdir, temporary = folder / "project", folder / "tmp"
    for each in (rootdir, temporary):
        each.mkdir(exist_ok=True)
    (rootdir / page.file).write_text(page.block(tag), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *PLAIN, *options],
        cwd=rootdir,
        env=_plain_environment(temporary),
        capture_output=True,
        text=True,
        check=False,
    )


def guard(page: Page, printed: str) -> str:
    """Find the sentences by which `pytest --leaks=fail` has failed the test that leaves something behind."""
    polluter = page.tests[0].rpartition("::")[2]
    says = tuple(f"{polluter} {verb} " for verb in ("changed", "left", "removed"))
    return _lines(line for line in printed.splitlines() if line.startswith(says))


def stability(folder: Path, pages: Sequence[Page]) -> dict[str, str]:
    """Give for each page what the report says of its last test, of which its first test is the culprit.

    The laboratory is that of `shakeproof stability`, and so is the proof; only the search for the culprit is left out.
    """
    rootdir, logs = folder / "project", folder / "logs"
    for each in (rootdir, logs):
        each.mkdir()
    for page in pages:
        (rootdir / page.file).write_text(page.block("fails"), encoding="utf-8")
    with (
        _environment(_plain_environment(folder)),
        ForkLab(
            Target(rootdir, sys.executable, PLAIN), logs, lambda *_: None, jobs=1, hash_seeds=(0,)
        ) as lab,
    ):
        return {page.category: _lines(_said(lab, page)) for page in pages}


def _said(lab: ForkLab, page: Page) -> Iterator[str]:
    polluter, *_, victim = page.tests
    stem = Experiment("stem", Kind.REPLAY, tests=(polluter,), hash_seed=0)

    def ask(ways: Sequence[Restoring]) -> list[Answer]:
        shown = {
            way: Answer(made.came_through(victim), made.left)
            for way, made in lab.restored(stem, (victim,), ways)
        }
        return [shown.get(way, Answer(None)) for way in ways]

    found = Finding(
        id="F1",
        test=victim,
        kind=Instability.VICTIM,
        status=Status.FAILED,
        message="",
        runs=0,
        failures=0,
        failing=(),
        reproduce="",
        replay=stem,
        copies=1,
        confirmed=False,
        culprits=((polluter,),),
        causes=causes(ask, brittle=False),
    )
    yield f"victim {victim}"
    for sentence in (*story.because(found), *state.causes(found)):
        if not sentence.startswith(("why it matters", "to mend it")):  # which the page says itself
            yield f"   {sentence}"


def _lines(sentences: Iterable[str]) -> str:
    text = "".join(f"{each}\n" for each in sentences)
    for pattern, instead in VARYING:
        text = pattern.sub(instead, text)
    return text


def _plain_environment(folder: Path) -> dict[str, str]:
    """Give the environment without what this itself is run with, and with what the examples take for granted."""
    # With the last two pytest's summary holds whole messages: the guard's sentences would be read twice.
    outer = {"PYTHONHASHSEED", "CI", "BUILD_NUMBER"}
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in outer and not name.startswith("PYTEST_")
    }
    return {**inherited, **AMBIENT, "TMPDIR": str(folder)}


@contextmanager
def _environment(changed: Mapping[str, str]) -> Iterator[None]:
    """Change the environment for as long as the laboratory is open: its processes inherit it."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(changed)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
