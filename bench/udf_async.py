"""`ask` of udf_functions.py as a coroutine: many requests of a batch are under way at once. For velothread."""

from __future__ import annotations

import asyncio
import os
import weakref

PORT = int(os.environ.get("BENCH_HTTP_PORT", "0"))
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
# Connections belong to the event loop that opened them; those that no request uses now.
_idle: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, list[Connection]] = weakref.WeakKeyDictionary()


async def ask(id: int) -> int:
    """What udf_server.py answers for an id, over a connection that is kept."""
    idle = _idle.setdefault(asyncio.get_running_loop(), [])
    reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(f"GET /{id} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    body = await reader.readexactly(length)
    idle.append((reader, writer))
    return int(body)
