"""The article's factorials: seconds from opening a pool of four to leaving it."""
import math
import multiprocessing
import time

NUMBERS = [100000, 200000, 300000, 400000, 500000]

if __name__ == "__main__":
    start = time.monotonic()
    with multiprocessing.Pool(4) as pool:
        results = pool.map(math.factorial, NUMBERS)
    end = time.monotonic()
    assert len(results) == len(NUMBERS)
    print(end - start)
