"""16 MB there and back through a multiprocessing.Pool: seconds a round trip, the pool started before."""
import multiprocessing
import time

BYTES, ROUNDS = 16 << 20, 5


def identity(data):
    return data


if __name__ == "__main__":
    data = bytes(BYTES)
    with multiprocessing.Pool(1) as pool:
        pool.apply(identity, (data,))
        start = time.monotonic()
        for _ in range(ROUNDS):
            assert len(pool.apply(identity, (data,))) == BYTES
        print((time.monotonic() - start) / ROUNDS)
