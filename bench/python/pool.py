"""Python's pools of processes, as bench/pool measures them: pool.py KIND WHAT NUMBER... Prints one JSON object of what was measured."""
import concurrent.futures
import json
import multiprocessing
import statistics
import sys
import time

WORKERS = multiprocessing.cpu_count()
WARM_UP = 200


def noop(_=None):
    pass


def plus_one(value):
    return value + 1


def identity(value):
    return value


class Pool:
    """multiprocessing.Pool."""

    def __init__(self, workers):
        self.workers = workers
        self.pool = multiprocessing.Pool(workers)

    def each(self, function, items):
        return self.pool.map(function, items, chunksize=1)

    def all(self, function, items):
        return self.pool.map(function, items)

    def one(self, function, *args):
        return self.pool.apply(function, args)

    def close(self):
        self.pool.terminate()


class Executor:
    """concurrent.futures.ProcessPoolExecutor."""

    def __init__(self, workers):
        self.workers = workers
        self.pool = concurrent.futures.ProcessPoolExecutor(workers)

    def each(self, function, items):
        return [future.result() for future in [self.pool.submit(function, item) for item in items]]

    def all(self, function, items):
        # As multiprocessing.Pool divides them.
        return list(self.pool.map(function, items, chunksize=max(1, len(items) // (4 * self.workers))))

    def one(self, function, *args):
        return self.pool.submit(function, *args).result()

    def close(self):
        self.pool.shutdown()


def timed(work):
    start = time.monotonic()
    work()
    return time.monotonic() - start


def throughput(pool, count):
    pool.each(noop, range(WARM_UP))
    return {"task": timed(lambda: pool.each(noop, range(count))) / count * 1e6}


def latency(pool, count, pause_ms):
    pool.each(noop, range(WARM_UP))
    times = []
    for _ in range(count):
        if pause_ms > 0:
            time.sleep(pause_ms / 1e3)
        times.append(timed(lambda: pool.one(noop)) * 1e6)
    times.sort()
    return {"median": statistics.median(times), "p99": times[int(len(times) * 0.99)]}


def mapped(pool, count):
    items = list(range(count))
    pool.all(plus_one, items[: count // 10])
    return {"item": timed(lambda: pool.all(plus_one, items)) / count * 1e6}


def payload(pool, count, size):
    data = bytes(size)
    for _ in range(pool.workers):
        pool.one(identity, data)

    def rounds():
        for _ in range(count):
            assert len(pool.one(identity, data)) == size

    return {"round": timed(rounds) / count * 1e6}


if __name__ == "__main__":
    _, kind, what, *numbers = sys.argv
    kinds = {"pool": Pool, "executor": Executor}
    measures = {"throughput": throughput, "latency": latency, "map": mapped, "payload": payload}
    pool = kinds[kind](WORKERS)
    measured = measures[what](pool, *map(int, numbers))
    pool.close()
    print(json.dumps(measured), flush=True)
