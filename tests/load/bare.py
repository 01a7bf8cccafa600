"""The least that FastAPI can do: one route that answers the same to everybody, served as the service is."""

from contextlib import suppress

from fastapi import FastAPI

from backend.tools.serve import listen, server_of, url_of


def bare_app() -> FastAPI:
    """Build an app with one route, a plain function as those of the service are."""
    app = FastAPI(telemetry={"auto_configure": False})

    @app.get("/bare")
    def bare() -> dict[str, bool]:
        return {"bare": True}

    return app


if __name__ == "__main__":
    with listen("127.0.0.1", 0) as listener, suppress(KeyboardInterrupt):
        print(f"Serving on {url_of(listener)}", flush=True)
        server_of(bare_app()).run(sockets=[listener])
