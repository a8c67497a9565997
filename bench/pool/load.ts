/**
 * A program of its own: sends requests at a steady pace to a port of this machine, takes some back, and tells its
 * parent how long the others took.
 */
import { Agent, get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Load, Loaded } from "./service.js";

const { port, requests, perSecond, cancelEvery, cancelAfterMs } = JSON.parse(process.argv[2]!) as Load & {
  port: number;
};
const agent = new Agent({ keepAlive: true });
const latencies: number[] = [];
let failed = 0;
let cancelled = 0;

/** Counted from when it was due: a late start is a wait too. */
function request(due: number, cancel: boolean): Promise<void> {
  return new Promise((resolve) => {
    const one = get({ host: "127.0.0.1", port, agent }, (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode !== 200) failed++;
        else latencies.push(performance.now() - due);
        resolve();
      });
      response.on("error", () => {
        failed++;
        resolve();
      });
    });
    one.on("error", () => {
      if (cancel) cancelled++;
      else failed++;
      resolve();
    });
    if (cancel) setTimeout(() => one.destroy(), cancelAfterMs);
  });
}

const start = performance.now();
const answers: Promise<void>[] = [];
for (let index = 0; index < requests; index++) {
  const due = start + (index * 1e3) / perSecond;
  const early = due - performance.now();
  if (early > 0) await sleep(early);
  answers.push(request(due, index % cancelEvery === cancelEvery - 1));
}
await Promise.all(answers);
agent.destroy();
const loaded: Loaded = { latencies, failed, cancelled };
process.send!(loaded, undefined, undefined, () => process.disconnect());
