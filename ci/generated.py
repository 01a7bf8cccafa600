"""A part of a page that is generated: it stands between two markers, so that it can be made again."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def replaced(page: str, begin: str, end: str, new: str) -> str:
    """Put new text between the two markers of a page; what is around them stays as it is."""
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{new}\n{end}{after}"


def print_or_write(argv: list[str], begin: str, end: str, new: str) -> int:
    """Print a part of README.md, or put it there if the only argument is `--write`."""
    if argv == ["--write"]:
        readme = README.read_text(encoding="utf-8")
        README.write_text(replaced(readme, begin, end, new), encoding="utf-8")
    else:
        print(new)
    return 0
