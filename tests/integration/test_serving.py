"""How an app is served: by what, and that any app can be."""

import sys

import pytest
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from backend.tools.serve import server_of
from tests.integration.live import connect, serving
from tests.load.bare import bare_app


def test_a_plain_app_is_served_in_the_same_way_and_ends_in_good_order() -> None:
    """The load is compared with one."""
    with serving(bare_app()) as url, connect(url) as client:
        answer = client.get("/bare")

    assert (answer.status_code, answer.json()) == (200, {"bare": True})


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not run on Windows")
def test_the_service_reads_http_in_c_and_runs_on_uvloop(app: FastAPI) -> None:
    config = server_of(app).config
    make_loop = config.get_loop_factory()
    assert make_loop is not None
    loop = make_loop()
    loop.close()

    assert config.http_protocol_class is HttpToolsProtocol
    assert type(loop).__module__ == "uvloop"
