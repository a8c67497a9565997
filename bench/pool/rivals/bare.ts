/** The bare means of the platform, with no pool around them. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Model } from "../contender.js";
import type { Entrant, Runner, Sample } from "../race.js";
import type { Role } from "../row.js";

export const BARE: Readonly<Record<Model, string>> = { threads: "bare Worker", processes: "bare fork" };
export const bareRoles: Readonly<Record<string, Role>> = { [BARE.threads]: "bare", [BARE.processes]: "bare" };

const fileOf = (name: string): string => fileURLToPath(new URL(`../../rivals/${name}.js`, import.meta.url));

/** One that sends back what it gets. */
export interface Echo {
  send(value: unknown, transfer?: ArrayBuffer[]): Promise<unknown>;
  end(): unknown;
}

export function echo(model: Model): Echo {
  if (model === "threads") {
    const worker = new Worker(fileOf("echo-worker"));
    return {
      async send(value, transfer = []) {
        const answer = new Promise((resolve) => worker.once("message", resolve));
        worker.postMessage(value, transfer);
        return answer;
      },
      end: () => worker.terminate(),
    };
  }
  const child = fork(fileOf("echo-child"), { serialization: "advanced" });
  return {
    async send(value) {
      const answer = new Promise((resolve) => child.once("message", resolve));
      child.send(value as never);
      return answer;
    },
    end: () => child.kill(),
  };
}

export function bareEcho(model: Model, use: (echo: Echo) => Promise<() => Promise<Sample>>): Entrant {
  return {
    library: BARE[model],
    setting: model === "threads" ? "postMessage" : "advanced",
    async start(): Promise<Runner> {
      const one = echo(model);
      return { sample: await use(one), end: () => one.end() };
    },
  };
}

/** From starting one to its one result, in milliseconds; its end is waited for, not measured. */
export async function oneShot(model: Model): Promise<number> {
  const start = performance.now();
  let answer: Promise<unknown>;
  let exit: Promise<unknown>;
  if (model === "threads") {
    const worker = new Worker(fileOf("one-shot-worker"), { workerData: 1 });
    exit = once(worker, "exit");
    answer = once(worker, "message");
  } else {
    const child = fork(fileOf("one-shot-child"));
    exit = once(child, "exit");
    answer = once(child, "message");
    child.send(1);
  }
  await answer;
  const took = performance.now() - start;
  await exit;
  return took;
}
