import type { Pool, PoolOptions } from "allcores";

/** Runs bodies with a pool of their own each, which is gone when they end, however they do. */
export function withPool(make: (options?: PoolOptions) => Pool) {
  return async (options: PoolOptions, body: (pool: Pool) => Promise<void>): Promise<void> => {
    const pool = make(options);
    try {
      await body(pool);
    } finally {
      pool.terminate();
      await pool.join();
    }
  };
}
