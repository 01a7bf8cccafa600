"""WebSocket connections of the real server: how they are kept alive, and how they end."""

from socket import socket

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from backend.api.services import Services

PING_SECONDS = 20.0
"""Between two pings of the server, and for the answer to each: who is silent longer is let go."""

LARGEST_MESSAGE = 1 << 20
"""Bytes: more than any limit of the app's own, which it can answer; beyond this the connection ends (1009)."""

SECONDS_TO_FLUSH = 1.0
"""For what is on its way to a connection that has ended; asyncio itself would wait for ever."""


class LiveProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which lets go of a client that reads nothing at all, too."""

    def keepalive_timeout(self) -> None:
        """End a connection whose ping was not answered."""
        super().keepalive_timeout()
        self._abort_soon()

    def shutdown(self) -> None:
        """End a connection since the server ends."""
        super().shutdown()
        self._abort_soon()

    async def run_asgi(self) -> None:
        """Run the app for this connection, which ends with it."""
        await super().run_asgi()
        self._abort_soon()

    def _abort_soon(self) -> None:
        # Closing waits until the other side has read what it was sent, however long that takes.
        if self.transport.is_closing() and not self.disconnected:
            self.loop.call_later(SECONDS_TO_FLUSH, self.transport.abort)


class LiveServer(uvicorn.Server):
    """uvicorn's server; the app says goodbye to its live connections before they are cut."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """End the connections, with the close code 1001 where somebody still reads; then end as usual."""
        for server in self.servers:
            server.close()
        services = getattr(self._app.state, "services", None)
        if isinstance(services, Services):  # not there where a plain app is served in the same way
            await services.live.close()
        await super().shutdown(sockets)
