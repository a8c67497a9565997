"""Ten threads, 100000 increments each under `with lock`, from a start gate: seconds from the first start to the last end."""
import threading
import time

WORKERS, ROUNDS = 10, 100_000
lock = threading.Lock()
gate = threading.Barrier(WORKERS)
counter = 0
spans = []


def increment():
    global counter
    gate.wait()
    start = time.monotonic()
    for _ in range(ROUNDS):
        with lock:
            counter += 1
    spans.append((start, time.monotonic()))


workers = [threading.Thread(target=increment) for _ in range(WORKERS)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
assert counter == WORKERS * ROUNDS
print(max(end for _, end in spans) - min(start for start, _ in spans))
