/**
 * A cache shared by HTTP workers of node:cluster: each answer is computed once, by whichever worker is asked first,
 * whatever worker the next request reaches. One worker is killed in the middle of a computation; whoever waits for the
 * same answer computes it, and what was in the cache stays.
 *
 * Run it with `node build/examples/shared-cache/index.js`.
 */
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { Lock, pack, SharedMap, Value } from "allcores";
import type { Shared } from "./worker.js";

const WORKERS = 4;
const QUESTIONS = 12;
const ASKED_EACH = 5;

const reach = { across: "processes" } as const;
const shared: Shared = {
  answers: new SharedMap({ ...reach, label: "answers", maxBytes: 2 ** 20, ttl: 60_000 }),
  locks: Array.from({ length: QUESTIONS }, () => new Lock(reach)),
  computed: new Value("int32", 0, reach),
  takenOver: new Value("int32", 0, reach),
  busy: new Value("int32", 0, reach),
};

cluster.setupPrimary({ exec: new URL("./worker.js", import.meta.url).pathname });
const port = await Promise.all(Array.from({ length: WORKERS }, start)).then((ports) => ports[0]!);

const responses = Promise.all(
  Array.from({ length: QUESTIONS * ASKED_EACH }, async (_, index) => {
    const question = index % QUESTIONS;
    for (;;) {
      try {
        const response = await fetch(`http://127.0.0.1:${port}/primes/${question}`, {
          headers: { connection: "close" },
          signal: AbortSignal.timeout(2000),
        });
        return { question, answer: Number(await response.text()), worker: response.headers.get("worker") };
      } catch {
        // Its worker was killed: another one is asked. A connection that node:cluster was just handing to it is heard
        // of no more, hence the timeout.
      }
    }
  }),
);
while (shared.busy.value === 0) await new Promise((done) => setTimeout(done, 1));
process.kill(shared.busy.value, "SIGKILL");

const all = await responses;
const answers = new Map(all.map(({ question, answer }) => [question, answer]));
console.log(`${all.length} requests for ${answers.size} answers, the last is ${answers.get(QUESTIONS - 1)}`);
console.log(`all alike: ${all.every(({ question, answer }) => answers.get(question) === answer)}`);
console.log(`cached: ${shared.answers.size} answers in ${shared.answers.stats().bytes} bytes`);
console.log(`computed ${shared.computed.value} times, ${shared.takenOver.value} of them after a worker died`);
cluster.disconnect();

/** Starts a worker, hands it what all share, and waits until it listens. */
async function start(): Promise<number> {
  const worker: Worker = cluster.fork();
  await once(worker, "message");
  worker.send(pack(shared, { to: "processes" }));
  const [{ port }] = (await once(worker, "listening")) as [{ port: number }];
  return port;
}
