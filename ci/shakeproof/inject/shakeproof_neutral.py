"""Switch off the plugins that would distort an experiment, even when the project's `addopts` switch them on.

Nothing is blocked by name: `-p no:xdist` would make pytest reject the `-n 4` in somebody's `addopts`. The plugins are
loaded, their options parsed, their markers registered, and then their options are set to what leaves the run alone.
"""

from __future__ import annotations

import os
from typing import Any, FrozenSet, Generator

import pytest

# By plugin: options, and the value that quietens each. A project that lacks the plugin lacks the option, and nothing
# happens.
QUIET = (
    ("xdist", (("numprocesses", 0), ("dist", "no"), ("tx", ()), ("distload", False))),
    ("randomly", (("randomly_reorganize", False), ("randomly_reset_seed", False))),
    ("random_order", (("random_order_bucket", "default:none"), ("random_order_enabled", False))),
    ("rerunfailures", (("reruns", 0), ("force_reruns", None), ("fail_on_flaky", False))),
    ("cov", (("cov_source", ()), ("cov_report", ()), ("cov_fail_under", None), ("no_cov", True))),
    (
        "benchmark",
        (("benchmark_disable", True), ("benchmark_enable", False), ("benchmark_only", False)),
    ),
    (
        "writers",
        (
            ("xmlpath", None),
            ("log_file", os.devnull),
            ("htmlpath", None),
            ("report_log", None),
            ("json_report", False),
        ),
    ),
    # These wait for somebody, run nothing, or tell the world.
    (
        "interactive",
        (
            ("usepdb", False),
            ("trace", False),
            ("looponfail", False),
            ("pastebin", None),
            ("showfixtures", False),
            ("show_fixtures_per_test", False),
        ),
    ),
    # Our own guard: the laboratory looks at the state by itself.
    ("guard", (("leaks", None),)),
    ("setup", (("setuponly", False), ("setupplan", False))),
    ("collection", (("collectonly", False),)),
    (
        "selection",
        (
            ("maxfail", 0),
            ("lf", False),
            ("failedfirst", False),
            ("newfirst", False),
            ("cacheclear", False),
            ("stepwise", False),
        ),
    ),
)

# Markers call these as well as options do, so they are taken out, each with the marker to register in its place. This
# comes before they are configured: rerunfailures then starts a thread, which no fork would have.
REMOVED = (("rerunfailures", "flaky(reruns=1, reruns_delay=0): rerun the test when it fails"),)


class Neutral:
    """The plugin that quietens the others, but for those in `active`."""

    def __init__(self, active: FrozenSet[str], cache_dir: str) -> None:
        self.active = active
        self.cache_dir = cache_dir

    def _quieten(self, options: Any) -> None:
        for plugin, values in QUIET:
            if plugin in self.active:
                continue
            for name, value in values:
                if hasattr(options, name):
                    setattr(options, name, list(value) if isinstance(value, tuple) else value)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(
        self, early_config: pytest.Config
    ) -> Generator[None, None, None]:
        """Reach pytest-cov, which starts measuring on options parsed before any conftest file."""
        self._quieten(early_config.known_args_namespace)
        yield

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> Generator[None, None, None]:
        """Reach all others: a wrapper runs before the first of them looks at its options."""
        if getattr(config.option, "maxfail", 0):
            # For the recorder, which comes too late to see it.
            config.option.shakeproof_stops_early = True
        self._quieten(config.option)
        if config.pluginmanager.has_plugin("cacheprovider"):
            # The project's own cache is left alone. `-o cache_dir=...` is an error where the plugin is switched off.
            config._inicache["cache_dir"] = self.cache_dir
        # The workers of xdist load it all the same, and expect to find it here.
        for name, marker in REMOVED if "xdist" not in self.active else ():
            if name not in self.active and config.pluginmanager.has_plugin(name):
                config.pluginmanager.unregister(name=name)
                config.addinivalue_line("markers", marker)
        yield
