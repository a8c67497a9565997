"""So many small ints as its argument says, from one thread to another through a queue.Queue, from a start gate: seconds from the first start to the last end."""
import queue as queues
import threading
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


queue = queues.Queue()
gate = threading.Barrier(2)
starts = [0.0, 0.0]
ends = [0.0, 0.0]
workers = [threading.Thread(target=work, args=(queue, gate, starts, ends)) for work in (produce, consume)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(max(ends) - min(starts))
