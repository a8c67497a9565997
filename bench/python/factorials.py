"""The article's factorials, of numbers that many times smaller if one is given: seconds from opening a pool of four to leaving it."""
import math
import multiprocessing
import sys
import time

NUMBERS = [100000, 200000, 300000, 400000, 500000]

if __name__ == "__main__":
    divisor = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    start = time.monotonic()
    with multiprocessing.Pool(4) as pool:
        results = pool.map(math.factorial, [number // divisor for number in NUMBERS])
    end = time.monotonic()
    assert len(results) == len(NUMBERS)
    print(end - start)
