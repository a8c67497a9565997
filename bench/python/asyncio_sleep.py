"""Milliseconds for ten thousand tasks in a TaskGroup that each sleep for 100 ms."""
import asyncio
import time


async def main():
    start = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(10_000):
            group.create_task(asyncio.sleep(0.1))
    return (time.monotonic() - start) * 1e3


print(asyncio.run(main()))
