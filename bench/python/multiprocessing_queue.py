"""So many small ints as its argument says, from one process to another through a multiprocessing.Queue, from a start gate: seconds from the first start to the last end."""
import multiprocessing
import sys
import time

ITEMS = int(sys.argv[1])


def produce(queue, gate, starts, ends):
    gate.wait()
    starts[0] = time.monotonic()
    for item in range(ITEMS):
        queue.put(item)
    ends[0] = time.monotonic()


def consume(queue, gate, starts, ends):
    gate.wait()
    starts[1] = time.monotonic()
    for item in range(ITEMS):
        assert queue.get() == item
    ends[1] = time.monotonic()


if __name__ == "__main__":
    queue = multiprocessing.Queue()
    gate = multiprocessing.Barrier(2)
    starts = multiprocessing.RawArray("d", 2)
    ends = multiprocessing.RawArray("d", 2)
    workers = [multiprocessing.Process(target=work, args=(queue, gate, starts, ends)) for work in (produce, consume)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(max(ends) - min(starts))
