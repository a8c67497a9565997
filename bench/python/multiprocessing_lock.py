"""Ten processes, 100000 increments each of a RawValue under a Lock, from a start gate: seconds from the first start to the last end."""
import multiprocessing
import time

WORKERS, ROUNDS = 10, 100_000


def increment(index, lock, gate, counter, starts, ends):
    gate.wait()
    starts[index] = time.monotonic()
    for _ in range(ROUNDS):
        with lock:
            counter.value += 1
    ends[index] = time.monotonic()


if __name__ == "__main__":
    lock = multiprocessing.Lock()
    gate = multiprocessing.Barrier(WORKERS)
    counter = multiprocessing.RawValue("i", 0)
    starts = multiprocessing.RawArray("d", WORKERS)
    ends = multiprocessing.RawArray("d", WORKERS)
    workers = [multiprocessing.Process(target=increment, args=(index, lock, gate, counter, starts, ends)) for index in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert counter.value == WORKERS * ROUNDS
    print(max(ends) - min(starts))
