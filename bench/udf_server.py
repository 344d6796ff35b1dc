"""A local HTTP server in a process of its own: answers GET /ID with a number, a fixed time after the request came.

    python bench/udf_server.py [--milliseconds 2]

It prints its port, and ends when its standard input does. Connections are kept; one request at a time on each. It only
listens on the loopback address.
"""

from __future__ import annotations

import argparse
import asyncio
import sys


def answer(id: int) -> int:
    """What is served for an id."""
    return id * 7919 % 1009


class Answering(asyncio.Protocol):
    """One connection. Threading: the event loop's thread alone."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data
        head, end, rest = self.got.partition(b"\r\n\r\n")
        if end:
            self.got = rest
            id = int(head.split(b" ", 2)[1].lstrip(b"/"))
            asyncio.get_running_loop().call_later(self.seconds, self.reply, str(answer(id)).encode())

    def reply(self, body: bytes) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


async def serve(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(seconds), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--milliseconds", type=float, default=2.0)
    asyncio.run(serve(p.parse_args().milliseconds / 1000))


if __name__ == "__main__":
    main()
