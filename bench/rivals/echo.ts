/** Ping-pong with the bare means of the platform. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

export interface PingPong {
  /** Microseconds a round trip. */
  run(rounds: number): Promise<number>;
  end(): unknown;
}

export function postMessagePingPong(): PingPong {
  const worker = new Worker(new URL("./echo-worker.js", import.meta.url));
  return {
    async run(rounds) {
      const start = performance.now();
      for (let round = 0; round < rounds; round++) {
        const answer = new Promise((resolve) => worker.once("message", resolve));
        worker.postMessage(round);
        await answer;
      }
      return ((performance.now() - start) * 1e3) / rounds;
    },
    end: () => worker.terminate(),
  };
}

export function ipcPingPong(): PingPong {
  const child = fork(fileURLToPath(new URL("./echo-child.js", import.meta.url)));
  return {
    async run(rounds) {
      const start = performance.now();
      for (let round = 0; round < rounds; round++) {
        const answer = new Promise((resolve) => child.once("message", resolve));
        child.send(round);
        await answer;
      }
      return ((performance.now() - start) * 1e3) / rounds;
    },
    end: () => child.kill(),
  };
}
