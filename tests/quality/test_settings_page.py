"""The page that explains how settings travel quotes the code as it is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUOTED = re.compile(r"^```python\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def quotations() -> list[tuple[str, str]]:
    """Return what the page quotes, each with the file it is quoted from."""
    return QUOTED.findall((ROOT / "docs" / "settings.md").read_text(encoding="utf-8"))


def test_the_page_quotes_each_step_of_the_way() -> None:
    assert len(quotations()) == 8


@pytest.mark.parametrize(("file", "code"), quotations())
def test_what_is_quoted_is_there(file: str, code: str) -> None:
    assert code in (ROOT / file).read_text(encoding="utf-8")
