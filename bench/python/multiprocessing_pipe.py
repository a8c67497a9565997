"""A multiprocessing.Pipe between two processes: `small` gives the seconds of 10000 round trips of a small int, `large` the seconds of 20 messages of 16 MiB one way."""
import multiprocessing
import sys
import time

ROUNDS = 10_000
LARGE = 16 * 2**20
MESSAGES = 20


def echo(end):
    while True:
        item = end.recv()
        end.send(item)
        if item == ROUNDS:
            return


def small(end):
    end.send(0)
    end.recv()
    start = time.monotonic()
    for item in range(1, ROUNDS + 1):
        end.send(item)
        assert end.recv() == item
    return time.monotonic() - start


def source(end):
    block = bytes(LARGE)
    for _ in range(MESSAGES + 1):
        end.send_bytes(block)


def large(end):
    block = bytearray(LARGE)
    end.recv_bytes_into(block)
    start = time.monotonic()
    for _ in range(MESSAGES):
        assert end.recv_bytes_into(block) == LARGE
    return time.monotonic() - start


if __name__ == "__main__":
    here, there = multiprocessing.Pipe()
    measure, work = {"small": (small, echo), "large": (large, source)}[sys.argv[1]]
    child = multiprocessing.Process(target=work, args=(there,))
    child.start()
    print(measure(here))
    child.join()
