/**
 * multithreading: threads. It sends a function's text, moves every typed array, has no queue, and forgets what is
 * beyond 65536 tasks in flight. It is written for Node 22: two names that Node 20 lacks are supplied here, as a user of
 * it would do.
 */
import { cpuCount } from "allcores";
import type { Contender } from "../contender.js";
import { jobs } from "../jobs.js";

export function supplyMissingNames(): void {
  const names = globalThis as { navigator?: unknown };
  names.navigator ??= { hardwareConcurrency: cpuCount() };
  const promises = Promise as { withResolvers?: unknown };
  promises.withResolvers ??= () => {
    let resolve: unknown;
    let reject: unknown;
    const promise = new Promise((onValue, onError) => {
      resolve = onValue;
      reject = onError;
    });
    return { promise, resolve, reject };
  };
}

export const multithreading: Contender = {
  library: "multithreading",
  model: "threads",
  settings: [
    {
      text: "the only one",
      async open(workers) {
        supplyMissingNames();
        const { initRuntime, move, shutdown, spawn } = await import("multithreading");
        initRuntime({ maxWorkers: workers });
        const value = async <R>(handle: {
          join(): Promise<{ ok: true; value: R } | { ok: false; error: Error }>;
        }): Promise<R> => {
          const result = await handle.join();
          if (!result.ok) throw result.error;
          return result.value;
        };
        return {
          run: (job, argument) => value(spawn(move(argument), jobs[job] as (argument: unknown) => unknown)),
          movesAll: true,
          move: async (buffer) =>
            (await value(spawn(move(new Uint8Array(buffer)), jobs.echo<Uint8Array<ArrayBuffer>>))).buffer,
          serve(rounds, signal) {
            const handle = spawn(move(rounds), jobs.burn);
            signal.addEventListener("abort", () => handle.abort(), { once: true });
            return value(handle);
          },
          close: async () => shutdown(),
        };
      },
    },
  ],
};
