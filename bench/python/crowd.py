"""What bench/crowd.ts does, with Python's threads: arguments are what is used, how many workers, how many operations in all. Seconds from the first start to the last end."""
import queue as queues
import sys
import threading
import time

WHAT, WORKERS, OPERATIONS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
EACH = OPERATIONS // WORKERS
KEYS = 1000
gate = threading.Barrier(WORKERS)
spans = []


def put():
    for item in range(EACH):
        queue.put(item)


def get():
    for _ in range(EACH):
        queue.get()


def take_permits():
    for _ in range(EACH // 2):
        semaphore.acquire()
        semaphore.release()


def set_and_get():
    for round in range(EACH // 2):
        key = f"key {round % KEYS}"
        with lock:
            table[key] = round
        with lock:
            table[key]


def increment():
    global counter
    for _ in range(EACH):
        with lock:
            counter += 1


def timed(work):
    gate.wait()
    start = time.monotonic()
    work()
    spans.append((start, time.monotonic()))


queue = queues.Queue(100 if WHAT == "bounded" else 0)
semaphore = threading.Semaphore(2)
lock = threading.Lock()
table = {}
counter = 0
works = {"queue": (put, get), "bounded": (put, get), "semaphore": (take_permits,), "map": (set_and_get,), "lock": (increment,)}[WHAT]
workers = [threading.Thread(target=timed, args=(works[index % len(works)],)) for index in range(WORKERS)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(max(end for _, end in spans) - min(start for start, _ in spans))
