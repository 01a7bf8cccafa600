"""Probes that a project brings along: found by entry point, in everyday runs and in the laboratory."""

from __future__ import annotations

import importlib
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import laboratory
import pytest

from shakeproof.inject.shakeproof_state.brought import brought_along
from shakeproof.inject.shakeproof_state.observer import Observer
from shakeproof.model import Restoring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from shakeproof.inject.shakeproof_state.protocol import Change

METADATA = "Metadata-Version: 2.1\nName: own-probes\nVersion: 1.0\n"
QUIET = ("-q", "-p", "shakeproof.guard", "-p", "no:cacheprovider")

FLAGS = """
    FLAGS = {"new": False, "routes": [1]}

    class Probe:
        category = "settings"
        advice = "use the fixture `flag`"

        def look(self):
            return FLAGS

        def put_back(self, before, key):
            FLAGS[key] = before[key]
    """
LEAKING = """
    import own_flags

    def test_switches():
        own_flags.FLAGS["new"] = True

    def test_default():
        assert not own_flags.FLAGS["new"]
    """


def entry_points(*lines: str) -> str:
    return "[shakeproof.probes]\n" + "\n".join(lines)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Observer]]:
    """Give a function that installs modules with entry points, and looks through the probes that are found then."""
    known = set(sys.modules)

    def put(*lines: str, taken: Iterable[str] = (), **modules: str) -> Observer:
        info = tmp_path / "own_probes-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(METADATA)
        (info / "entry_points.txt").write_text(entry_points(*lines))
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        monkeypatch.syspath_prepend(tmp_path)
        return Observer(brought_along(frozenset(taken)))

    yield put
    for name in set(sys.modules) - known:
        if name.startswith("own_"):
            del sys.modules[name]


def seen(observer: Observer, act: Callable[[], Any]) -> tuple[Change, ...]:
    """List what is told of an act, put it back, and see that nothing is told any more."""
    before = observer.look()
    act()
    found = observer.changes(before, observer.look())
    observer.put_back(before, [(each.probe, each.key) for each in found if each.can_put_back])
    if all(each.can_put_back for each in found):
        assert not observer.changes(before, observer.look())
    return found


def test_looking_is_enough(install: Callable[..., Observer]) -> None:
    observer = install("flags = own_flags:Probe", own_flags=FLAGS)
    flags = importlib.import_module("own_flags")

    found = seen(observer, lambda: flags.FLAGS.update(new=True))

    assert found == (("settings", "new", "False", "True", "flags", True),)
    assert observer.advice("flags") == "use the fixture `flag`"


def test_a_list_is_compared_by_what_is_in_it(install: Callable[..., Observer]) -> None:
    observer = install("flags = own_flags:Probe", own_flags=FLAGS)
    flags = importlib.import_module("own_flags")
    before = observer.look()

    flags.FLAGS["routes"].append(2)

    (change,) = observer.changes(before, observer.look())
    assert change[:4] == ("settings", "routes", "[1]", "[1, 2]")
    flags.FLAGS["routes"] = [1]
    assert not observer.changes(before, observer.look())


TELLING = """
    VALUE = [0]

    class Probe:
        notes = ("the remote flags are not looked at",)

        def look(self):
            return VALUE[0]

        def changes(self, before, after):
            if before != after:
                yield "database", "rows", str(before), after
    """


def test_a_probe_may_compare_by_itself(install: Callable[..., Observer]) -> None:
    observer = install("rows = own_rows:Probe", own_rows=TELLING)
    rows = importlib.import_module("own_rows")

    found = seen(observer, lambda: rows.VALUE.__setitem__(0, 3))

    assert found == (("database", "rows", "0", "3", "rows", False),)
    assert observer.notes == ("the remote flags are not looked at",)


def test_a_probe_may_use_our_own_change_where_it_is_loaded(
    install: Callable[..., Observer],
) -> None:
    observer = install(
        "rows = own_rows:Probe",
        own_rows="""
        from shakeproof_state.protocol import Change, Plain

        VALUES = {"a": 1}

        class Probe(Plain):
            category = "cache"

            def look(self):
                return dict(VALUES)

            def put(self, key, value):
                VALUES[key] = value
        """,
    )
    rows = importlib.import_module("own_rows")

    found = seen(observer, lambda: rows.VALUES.update(a=2))

    assert found == (("cache", "a", "1", "2", "rows", True),)
    assert "shakeproof_state" not in sys.modules


@pytest.mark.parametrize(
    ("line", "text", "error"),
    [
        ("own_it:Probe", "", "AttributeError: module 'own_it' has no attribute 'Probe'"),
        ("own_gone:Probe", "", "ModuleNotFoundError: No module named 'own_gone'"),
        ("own_it:Probe", "raise SystemExit(3)", "SystemExit: 3"),
        ("own_it:Probe", "class Probe: ...", "TypeError: it has no method `look`"),
        (
            "own_it:Probe",
            "class Probe:\n    def look(self): ...",
            "TypeError: it has neither a method `changes` nor a `category`",
        ),
        (
            "own_it:Probe",
            "class Probe:\n    def __init__(self): raise ValueError('first\\nsecond')",
            "ValueError: first",
        ),
        (
            "own_it:Probe",
            "class Probe:\n    category = 'cache'\n    def look(self): return {1: 2}",
            "TypeError: the keys of what it sees are text, not 1",
        ),
    ],
)
def test_a_probe_that_cannot_be_used_is_switched_off_with_a_sentence(
    line: str, text: str, error: str, install: Callable[..., Observer]
) -> None:
    observer = install(f"it = {line}", own_it=text)

    assert observer.look() == {}

    (note,) = observer.notes
    assert note.startswith(f"the probe it was switched off: {error.rstrip('*')}")
    assert "\n" not in note


def test_of_two_probes_of_one_name_the_first_is_taken(install: Callable[..., Observer]) -> None:
    observer = install("flags = own_flags:Probe", taken=["flags"], own_flags=FLAGS)

    observer.look()

    assert observer.notes == (
        "the probe flags of own_flags:Probe was switched off: LookupError: another probe has its name",
    )


def test_a_category_that_nobody_knows_switches_it_off(install: Callable[..., Observer]) -> None:
    text = TELLING.replace('"database"', '"flags"')
    observer = install("rows = own_rows:Probe", own_rows=text)
    rows = importlib.import_module("own_rows")

    assert seen(observer, lambda: rows.VALUE.__setitem__(0, 3)) == ()
    assert observer.notes[0].startswith(
        "the probe rows was switched off: ValueError: unknown category 'flags': known are environment,"
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (TELLING.replace('"rows"', "7"), "TypeError: a key is text, not 7"),
        (
            FLAGS.replace('"settings"', '"flags"'),
            "TypeError: its category 'flags' is none of environment,",
        ),
    ],
    ids=["key", "category"],
)
def test_a_probe_that_tells_what_nobody_can_use_is_switched_off(
    text: str, error: str, install: Callable[..., Observer]
) -> None:
    observer = install("rows = own_rows:Probe", own_rows=text)
    rows = importlib.import_module("own_rows")

    def change() -> None:
        if hasattr(rows, "FLAGS"):
            rows.FLAGS["new"] = True
        else:
            rows.VALUE[0] = 3

    assert seen(observer, change) == ()
    assert observer.notes[0].startswith(f"the probe rows was switched off: {error}")


def test_a_dictionary_is_compared_by_what_is_in_it_and_a_new_key_is_told(
    install: Callable[..., Observer],
) -> None:
    observer = install(
        "flags = own_flags:Probe", own_flags=FLAGS.replace("[1]", "{'a': [1], 'b': {2}}")
    )
    flags = importlib.import_module("own_flags")
    before = observer.look()

    flags.FLAGS["routes"]["a"].append(2)
    flags.FLAGS["more"] = 1

    told = sorted((each.key, each.before) for each in observer.changes(before, observer.look()))
    assert told == [("more", None), ("routes", "{'a': [1], 'b': {2}}")]


def files(*lines: str) -> dict[str, str]:
    return {
        "own_flags.py": FLAGS,
        "test_it.py": LEAKING,
        "own_probes-1.0.dist-info/METADATA": METADATA,
        "own_probes-1.0.dist-info/entry_points.txt": entry_points(*lines),
    }


BROKEN = ("flags = own_flags:Probe", "broken = own_nothing:Probe")
NOTE = "the probe broken was switched off: ModuleNotFoundError: No module named 'own_nothing'"


@pytest.mark.usefixtures("no_outer_run")
@pytest.mark.parametrize(
    "workers", [(), ("-p", "xdist", "-n", "2")], ids=["one process", "two workers"]
)
def test_an_everyday_run_asks_it_and_tells_once_of_one_that_is_broken(
    workers: tuple[str, ...], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(laboratory.write(pytester.path, files(*BROKEN)).rootdir)

    result = pytester.runpytest_subprocess(*QUIET, *workers, "--leaks=fail", "-k", "switches")

    result.assert_outcomes(passed=1, errors=1)
    lines = result.stdout.str().splitlines()
    assert "test_switches changed settings new (False -> True); use the fixture `flag`" in lines
    assert lines.count(f"note: {NOTE}") == 1


def test_the_laboratory_asks_it_and_puts_back_what_it_saw(tmp_path: Path) -> None:
    project = laboratory.write(tmp_path, files(*BROKEN))
    switches, default = "test_it.py::test_switches", "test_it.py::test_default"

    with project.fork() as lab:
        (watched,) = lab.watched(laboratory.experiment([switches, default]))
        ways = [Restoring(), Restoring((("flags", "new"),))]
        stem = laboratory.experiment([switches])
        restored = dict(lab.restored(stem, (default,), ways))

    assert [
        (each.by, each.category, each.key) for each in watched.left if each.probe == "flags"
    ] == [(switches, "settings", "new")]
    assert watched.notes == (NOTE,)
    assert [restored[way].came_through(default) for way in ways] == [False, True]
