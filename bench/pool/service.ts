/**
 * What a service feels: an HTTP endpoint with 20 ms of CPU work a request, under a steady load of half of two cores, of
 * which some requests are taken back.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { median } from "../measure.js";
import type { Model } from "./contender.js";
import { type Choice, entrant } from "./entrants.js";
import { burn } from "./jobs.js";
import { type Entrant, race, type Sample } from "./race.js";
import { type Role, type Row, row } from "./row.js";
import { sized } from "./size.js";

export interface Load {
  readonly requests: number;
  readonly perSecond: number;
  /** Each n-th request is taken back so long after it was sent. */
  readonly cancelEvery: number;
  readonly cancelAfterMs: number;
}

export interface Loaded {
  readonly latencies: readonly number[];
  readonly failed: number;
  readonly cancelled: number;
}

const LOAD: Load = { requests: sized(300, 8), perSecond: 50, cancelEvery: 8, cancelAfterMs: 10 };
const WORK_MS = 20;
const WORKERS = 2;
const TURNS = sized(3, 1);
const NO_POOL = "no pool, on the event loop";
const roles: Readonly<Record<string, Role>> = { [NO_POOL]: "bare" };

type Handle = (signal: AbortSignal) => Promise<unknown>;

async function loaded(handle: Handle): Promise<Sample> {
  const server = createServer((_, response) => {
    const abort = new AbortController();
    response.on("close", () => {
      if (!response.writableEnded) abort.abort();
    });
    handle(abort.signal).then(
      () => response.end("done"),
      (error: unknown) => {
        if (!response.destroyed) response.writeHead(500).end(String(error));
      },
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const child = fork(fileURLToPath(new URL("./load.js", import.meta.url)), [
    JSON.stringify({ ...LOAD, port: (server.address() as AddressInfo).port }),
  ]);
  await once(child, "spawn");
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const [{ latencies, failed }] = (await once(child, "message")) as [Loaded];
  delay.disable();
  server.closeAllConnections();
  server.close();
  const sorted = [...latencies].sort((a, b) => a - b);
  return {
    median: median(sorted),
    p99: sorted[Math.floor(sorted.length * 0.99)]!,
    lag: delay.percentile(99) / 1e6,
    failed,
  };
}

const onTheLoop = (rounds: number): Entrant => ({
  library: NO_POOL,
  setting: "",
  start: () => ({ sample: () => loaded(async () => burn(rounds)), end: () => {} }),
});

export async function service(
  choices: Readonly<Record<Model, readonly Choice[]>>,
  roundsPerMs: number,
): Promise<Row[]> {
  const rounds = WORK_MS * roundsPerMs;
  const rows: Row[] = [];
  for (const model of ["threads", "processes"] as const) {
    const serving = choices[model].map((choice) =>
      entrant(choice, WORKERS, async ({ serve }) => {
        if (serve === undefined) return undefined;
        await Promise.all(Array.from({ length: 2 * WORKERS }, () => serve(rounds, new AbortController().signal)));
        return () => loaded((signal) => serve(rounds, signal));
      }),
    );
    const outcomes = await race([...serving, onTheLoop(rounds)], TURNS, 0);
    const options = { section: "service", unit: "ms", roles };
    rows.push(
      row(outcomes, { ...options, name: `latency of a request, ${model}, median`, metric: "median" }),
      row(outcomes, { ...options, name: `latency of a request, ${model}, p99`, metric: "p99" }),
      row(outcomes, { ...options, name: `lag of the event loop, ${model}, p99`, metric: "lag" }),
      row(outcomes, {
        ...options,
        name: `failed of ${LOAD.requests} requests, ${model}`,
        metric: "failed",
        unit: "requests",
      }),
    );
  }
  return rows;
}
