"""Milliseconds for HTTP requests over kept connections by asyncio's streams: port, how many, how many at a time."""
import asyncio
import sys
import time

port, many, connections = map(int, sys.argv[1:])


async def client(paths):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    total = 0
    for path in paths:
        writer.write(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.decode().split("\r\n") if line.lower().startswith("content-length:"))
        total += len(await reader.readexactly(length))
    writer.close()
    return total


async def main():
    paths = iter(range(many))
    start = time.monotonic()
    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(client(paths)) for _ in range(connections)]
    assert sum(task.result() for task in clients) == many * 2
    return (time.monotonic() - start) * 1e3


print(asyncio.run(main()))
