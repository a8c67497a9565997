import { after } from "node:test";
import type { Pool, PoolOptions } from "allcores";

type Body = (pool: Pool) => Promise<void>;

async function end(pool: Pool): Promise<void> {
  pool.terminate();
  await pool.join();
}

/** Runs bodies with a pool of their own each, which is gone when they end, however they do. */
export function withPool(make: (options?: PoolOptions) => Pool) {
  return async (options: PoolOptions, body: Body): Promise<void> => {
    const pool = make(options);
    try {
      await body(pool);
    } finally {
      await end(pool);
    }
  };
}

/** What a body has found fit: no worker has died, and nothing runs or waits. */
function isAsNew(pool: Pool): boolean {
  const { died, running, queued } = pool.stats();
  return died + running + queued === 0;
}

/**
 * Runs bodies that take turns with one pool for each number of workers: bodies that close nothing, kill nobody, and do
 * not ask for counts of all time. After a body that failed, or left work or a death behind, the next has a new pool.
 */
export function withPoolInTurns(make: (options?: PoolOptions) => Pool) {
  const pools = new Map<number, Pool>();
  after(async () => {
    await Promise.all([...pools.values()].map(end));
  });
  return async (workers: number, body: Body): Promise<void> => {
    let pool = pools.get(workers);
    if (pool !== undefined && !isAsNew(pool)) {
      await end(pool);
      pool = undefined;
    }
    pool ??= make({ workers });
    pools.delete(workers);
    try {
      await body(pool);
      pools.set(workers, pool);
    } catch (error) {
      await end(pool);
      throw error;
    }
  };
}
