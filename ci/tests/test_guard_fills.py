"""A cache that a test fills is a leak where the test had changed something that the cached function may have read."""

from __future__ import annotations

import gc
import textwrap

import pytest

pytestmark = pytest.mark.usefixtures("no_outer_run")

QUIET = ("-q", "-p", "shakeproof.guard", "-p", "no:cacheprovider")
APP = """
    import functools
    import os

    LIMIT = 1

    @functools.cache
    def get_settings():
        return {"mode": os.environ.get("APP_MODE"), "limit": LIMIT}
    """
TESTS = """
    import os
    from unittest import mock

    import pytest

    import app

    @pytest.fixture
    def fast(monkeypatch):
        monkeypatch.setenv("APP_MODE", "fast")

    @pytest.fixture(scope="class")
    def for_class():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("APP_MODE", "class")
            yield

    @pytest.fixture(scope="class")
    def for_class_and_cleared(for_class):
        yield
        app.get_settings.cache_clear()

    @pytest.fixture(scope="session")
    def for_all():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("APP_MODE", "all")
            yield
    """
LEAK = "left settings app.get_settings() filled while {} changed (empty -> 1 entry: {}); *"
VARIABLE = "environment variable APP_MODE was"


def run(pytester: pytest.Pytester, body: str, wanted: str = "fail") -> pytest.RunResult:
    """Run tests with the fixtures above."""
    pytester.makepyfile(app=APP, test_it=textwrap.dedent(TESTS) + textwrap.dedent(body))
    gc.collect()  # for the caches of the test before to be gone: they have the same names
    return pytester.runpytest_inprocess(*QUIET, f"--leaks={wanted}")


@pytest.mark.parametrize(
    ("body", "leak"),
    [
        (
            "def test_it(fast): app.get_settings()",
            LEAK.format(VARIABLE, "{'mode': 'fast', 'limit': 1}"),
        ),
        (
            """
            def test_it(monkeypatch):
                with monkeypatch.context() as patch:  # back before anybody could look
                    patch.setenv("APP_MODE", "fast")
                    app.get_settings()
            """,
            LEAK.format(VARIABLE, "{'mode': 'fast', 'limit': 1}"),
        ),
        (
            """
            @mock.patch.dict(os.environ, {"APP_MODE": "fast"})
            def test_it(): app.get_settings()
            """,
            LEAK.format(VARIABLE, "{'mode': 'fast', 'limit': 1}"),
        ),
        (
            """
            def test_it(monkeypatch):
                monkeypatch.setattr(app, "LIMIT", 2)
                app.get_settings()
            """,
            LEAK.format("global app.LIMIT was", "{'mode': None, 'limit': 2}"),
        ),
        (
            """
            def test_it(fast, monkeypatch):
                monkeypatch.setattr(app, "LIMIT", 2)
                app.get_settings()
            """,
            LEAK.format(
                "environment variable APP_MODE, global app.LIMIT were",
                "{'mode': 'fast', 'limit': 2}",
            ),
        ),
    ],
    ids=["a fixture", "a few lines", "a decorator", "an attribute", "both"],
)
def test_a_cache_filled_while_something_was_changed_is_a_leak(
    body: str, leak: str, pytester: pytest.Pytester
) -> None:
    """Even though what was changed was put back: the cache still gives what was true then."""
    result = run(pytester, body)

    result.assert_outcomes(passed=1, errors=1)
    (told,) = [line for line in result.outlines if line.startswith("test_it ")]
    assert told.startswith(f"test_it {leak.rstrip('*')}")


@pytest.mark.parametrize(
    "body",
    [
        "def test_it(): app.get_settings()",
        """
        def test_it(monkeypatch):
            app.get_settings()
            monkeypatch.setenv("APP_MODE", "fast")
        """,
        """
        def test_it(fast):
            app.get_settings()
            app.get_settings.cache_clear()
        """,
        """
        def test_it(monkeypatch, fast):
            app.get_settings()
            monkeypatch.delenv("APP_MODE")
            app.get_settings.cache_clear()
            app.get_settings()
        """,
        """
        @pytest.fixture
        def filled(): app.get_settings()

        def test_it(filled, monkeypatch):
            monkeypatch.setattr(app, "LIMIT", 2)
        """,
        """
        class TestIt:
            def test_it(self, for_class_and_cleared): app.get_settings()
        """,
        "def test_it(for_all): app.get_settings()",
        """
        def test_it(monkeypatch):
            monkeypatch.setenv("PYTEST_CURRENT_TEST", "it")
            app.get_settings()
        """,
    ],
    ids=[
        "first use",
        "before the change",
        "cleared",
        "filled again",
        "in a fixture before",
        "cleared by a fixture",
        "for the whole session",
        "pytest's own variable",
    ],
)
def test_a_cache_filled_while_nothing_was_changed_is_none(
    body: str, pytester: pytest.Pytester
) -> None:
    result = run(pytester, body)

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*leaks*")


def test_what_a_fixture_of_a_class_leaves_filled_is_told_when_it_ends(
    pytester: pytest.Pytester,
) -> None:
    result = run(
        pytester,
        """
        class TestIt:
            def test_fills(self, for_class): app.get_settings()
            def test_last(self, for_class): pass
        """,
    )

    result.assert_outcomes(passed=2, errors=1)
    leak = LEAK.format(VARIABLE, "{'mode': 'class', 'limit': 1}")
    told = f"a fixture that ended with test_last {leak.rstrip('*')}"
    assert any(line.startswith(told) for line in result.outlines)


def test_a_result_that_replaces_another_is_a_change(pytester: pytest.Pytester) -> None:
    """As many entries as before, and as many calls that had to compute: only the result itself tells."""
    result = run(
        pytester,
        """
        def test_fills(): app.get_settings()

        def test_replaces(fast):
            app.get_settings.cache_clear()
            app.get_settings()
        """,
    )

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["test_replaces left settings app.get_settings() filled while *"])


def test_an_exception_for_what_was_changed_covers_what_was_read(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(
        """
        [[tool.shakeproof.leaks.allow]]
        category = "environment"
        key = "APP_MODE"
        reason = "read by nothing that is cached"
        """
    )

    result = run(pytester, "def test_it(fast): app.get_settings()")

    result.assert_outcomes(passed=1)


def test_who_was_first_is_told_where_leaks_are_listed(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_first(): app.get_settings()

        def test_second():
            app.get_settings.cache_clear()
            app.get_settings()
        """,
        "report",
    )

    first = "settings app.get_settings() (first by test_it.py::test_first)"
    assert (
        f"note: filled while nothing else was changed, which is no leak: {first}" in result.outlines
    )
