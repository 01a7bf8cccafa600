"""How it is mended what a file of the tests does while it is imported, by category."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shakeproof.report.advice.leaks import advice_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shakeproof.report.advice.idiom import Advice


def advice_on_import(category: str) -> Advice:
    """Give the advice for what a file of the tests does while it is imported: nothing undoes that."""
    usual = advice_for(category)
    short, *lines = _on_import().get(category, ("",))
    return replace(
        usual,
        short=short or f"do it in a fixture, not while the file is imported; {usual.short}",
        lines=tuple(lines) or usual.lines,
    )


def _on_import() -> Mapping[str, tuple[str, ...]]:
    """Say what to do instead, and then the lines, where that differs from what a test should do."""
    return {
        "environment": (
            "set it with monkeypatch.setenv in a fixture, not while the file is imported",
            "@pytest.fixture(autouse=True)",
            "def mode(monkeypatch):",
            '    monkeypatch.setenv("NAME", "value")  # not os.environ["NAME"] = "value" at the top of the file',
        ),
        "settings": (
            "build the settings in a fixture: read on import, they are those of the file that is imported first",
            "@pytest.fixture",
            "def settings():",
            "    return Settings(...)  # not settings = get_settings() at the top of the file",
        ),
        "cache": (
            "call it in a fixture or a test, not while the file is imported",
            "@pytest.fixture(autouse=True)",
            "def empty_cache():",
            "    compute.cache_clear()",
            "    yield",
            "    compute.cache_clear()",
        ),
        "global": (
            "set it with monkeypatch.setattr or monkeypatch.setitem in a fixture, not while the file is imported",
            "@pytest.fixture(autouse=True)",
            "def limit(monkeypatch):",
            '    monkeypatch.setattr(module, "NAME", value)  # not module.NAME = value at the top of the file',
        ),
        "import": (
            "name the folder under `pythonpath` in pytest's settings, or replace the module in a fixture",
            "@pytest.fixture",
            "def no_network(monkeypatch):",
            '    monkeypatch.setitem(sys.modules, "name", stand_in)',
        ),
    }
