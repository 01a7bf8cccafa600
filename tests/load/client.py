"""Phones that ask as fast as they are answered, with little work of their own: they share the machine.

HTTP/1.1 over connections that are kept (RFC 9112); answers are read by their Content-Length, which
this service always sends.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles
from urllib.parse import urlsplit

OK = b"HTTP/1.1 200"
END_OF_HEADERS = b"\r\n\r\n"
LENGTH = b"content-length:"
PERCENT = 100


@dataclass(frozen=True)
class Measured:
    """What became of the requests of one kind."""

    seconds: float
    latencies: tuple[float, ...]  # seconds, of those that were answered with 200
    errors: tuple[str, ...]  # the first line of every other answer

    @property
    def per_second(self) -> float:
        """How many were answered well in a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """Return the seconds that so many percent of the answers did not exceed; needs two answers."""
        return quantiles(self.latencies, n=PERCENT, method="inclusive")[percent - 1]

    def plus(self, other: "Measured") -> "Measured":
        """Return both together, as if one had followed the other."""
        return Measured(
            self.seconds + other.seconds,
            self.latencies + other.latencies,
            self.errors + other.errors,
        )


def request(
    url: str, method: str, target: str, headers: dict[str, str], body: bytes = b""
) -> bytes:
    """Write down a request."""
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + END_OF_HEADERS + body


def measure(url: str, make: Callable[[int], bytes], clients: int, seconds: float) -> Measured:
    """Let clients ask for so many seconds, each as soon as it is answered; `make` gives the n-th request of all."""
    return asyncio.run(_measure(url, make, clients, seconds))


async def _measure(
    url: str, make: Callable[[int], bytes], clients: int, seconds: float
) -> Measured:
    latencies: list[float] = []
    errors: list[str] = []
    begun = time.perf_counter()
    until = begun + seconds

    async def ask(first: int) -> None:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        number = first
        try:
            while (start := time.perf_counter()) < until:
                writer.write(make(number))
                status = await _answer(reader)
                if status.startswith(OK):
                    latencies.append(time.perf_counter() - start)
                else:
                    errors.append(status.decode(errors="replace"))
                number += clients
        except (OSError, asyncio.IncompleteReadError) as problem:
            errors.append(f"the connection ended: {problem}")
        finally:
            writer.close()

    await asyncio.gather(*(ask(first) for first in range(clients)))
    return Measured(time.perf_counter() - begun, tuple(latencies), tuple(errors))


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """Read one answer and return its first line."""
    head = await reader.readuntil(END_OF_HEADERS)
    status, *headers = head.split(b"\r\n")
    length = next((line for line in headers if line.lower().startswith(LENGTH)), b":0")
    await reader.readexactly(int(length.partition(b":")[2]))
    return status
