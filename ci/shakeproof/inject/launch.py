"""Run pytest as `python -m pytest` would, and tell what each test did.

    python launch.py REQUEST.json

The request holds `arguments` (for pytest), `active` (the distorting plugins that shall do their work), `cache` (the
folder for pytest's cache), `tests` (node ids in the order to run them, or null for all as they come), maybe `code`
(Python statements to run before pytest, which change one thing about its surroundings), `touches` (whether to tell
which files, ports and databases each test uses) and where to tell it: `record`, a file, from one run; or `socket`, a
path, `requests`, a descriptor, and `template`, its number, from one that serves forks. With `imports` it tells as well
what each file changes while it is imported: {"thorough": false, "put_back": {file: [[probe, key], ...]}}. Exits with
pytest's own status.
"""

from __future__ import annotations

import json
import os
import sys


def main(request_file: str) -> int:
    """Do what the request says."""
    with open(request_file, encoding="utf-8") as file:
        request = json.load(file)

    # This script's folder stands first on the import path: enough to find its neighbours, and then it gives
    # its place to what `python -m pytest` puts there - which under PYTHONSAFEPATH is nothing.
    safe_path = getattr(sys.flags, "safe_path", False)
    if safe_path:
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import shakeproof_neutral
    import shakeproof_order
    import shakeproof_recorder
    import shakeproof_sinks
    import shakeproof_template

    if request.get("imports"):
        from shakeproof_state.imports import Imports
    if request.get("touches"):
        from shakeproof_state.touches import Touches

    sys.path[:1] = [] if safe_path else [os.getcwd()]

    import pytest

    if request.get("code"):
        # The very statements that a printed command has: what it shows is what was run.
        exec(request["code"], {"__name__": "__main__"})  # noqa: S102

    arguments = request["arguments"]
    sys.argv = [os.path.join(os.path.dirname(pytest.__file__), "__main__.py"), *arguments]
    plugins: list[object] = [
        shakeproof_neutral.Neutral(frozenset(request["active"]), request["cache"])
    ]
    if request["tests"] is not None:
        plugins.append(shakeproof_order.Order(request["tests"]))
    if "socket" in request:
        sink = shakeproof_sinks.SocketSink(request["socket"], ["template", request["template"]])
        template = shakeproof_template.Template(sink, request["requests"])
        plugins += [shakeproof_recorder.Recorder(sink), template]
    else:
        record = shakeproof_sinks.FileSink(request["record"])
        plugins.append(shakeproof_recorder.Recorder(record))
        if request.get("imports"):
            plugins.append(Imports(record.write, **request["imports"]))
        if request.get("touches"):
            plugins.append(Touches(record))
    return pytest.main(arguments, plugins=plugins)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
