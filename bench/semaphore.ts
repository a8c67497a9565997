/** Semaphore: alone, and how fast a release wakes who waits. */
import { isMain, Process, Semaphore, Thread, task } from "allcores";
import { alternate, atMost, compared, type Figure, perRound, report, within } from "./measure.js";
import { ipcPingPong, type PingPong, postMessagePingPong } from "./rivals/echo.js";
import { futexPingPong } from "./rivals/futex.js";

const LIMIT_NS = 150;
const TURNS = 11;
const BLOCKING_ROUNDS = 5000;
const AWAITING_ROUNDS = 2000;

const answerBlocking = task(import.meta, function answerBlocking(ping: Semaphore, pong: Semaphore): void {
  for (;;) {
    ping.acquireSync();
    pong.release();
  }
});

const answerAwaiting = task(
  import.meta,
  async function answerAwaiting(ping: Semaphore, pong: Semaphore): Promise<void> {
    for (;;) {
      await ping.acquire();
      pong.release();
    }
  },
);

function uncontended(across: "threads" | "processes"): Figure {
  const semaphore = new Semaphore(1, { across });
  const samples = perRound(7, 1_000_000, (rounds) => {
    for (let round = 0; round < rounds; round++) semaphore.acquireSync()[Symbol.dispose]();
  });
  return within(`Semaphore across ${across}: acquireSync + dispose`, "ns", samples, LIMIT_NS);
}

async function waking(
  name: string,
  Worker: typeof Thread | typeof Process,
  answer: typeof answerBlocking | typeof answerAwaiting,
  here: "blocks" | "awaits",
  rivalName: string,
  rival: { run(rounds: number): number | Promise<number>; end(): unknown },
  most?: number,
): Promise<Figure> {
  const across = Worker === Thread ? "threads" : "processes";
  const ping = new Semaphore(0, { across });
  const pong = new Semaphore(0, { across });
  const worker = new Worker(answer, { args: [ping, pong], daemon: true }).start();
  const rounds = here === "blocks" ? BLOCKING_ROUNDS : AWAITING_ROUNDS;
  const blocking = () => {
    const start = performance.now();
    for (let round = 0; round < rounds; round++) {
      ping.release();
      pong.acquireSync();
    }
    return ((performance.now() - start) * 1e3) / rounds;
  };
  const awaiting = async () => {
    const start = performance.now();
    for (let round = 0; round < rounds; round++) {
      ping.release();
      await pong.acquire();
    }
    return ((performance.now() - start) * 1e3) / rounds;
  };
  const pairs = await alternate(TURNS, here === "blocks" ? blocking : awaiting, () => rival.run(rounds), 2);
  worker.kill();
  await rival.end();
  return compared(name, "µs", pairs, rivalName, most === undefined ? undefined : atMost(most));
}

const post = (): [string, PingPong, number] => ["postMessage", postMessagePingPong(), 1.2];
const ipc = (): [string, PingPong, number] => ["IPC", ipcPingPong(), 1.2];

if (isMain(import.meta)) {
  report([
    uncontended("threads"),
    uncontended("processes"),
    await waking(
      "wake a blocked process, round trip",
      Process,
      answerBlocking,
      "blocks",
      "bare futex",
      futexPingPong(),
      2,
    ),
    await waking(
      "wake a blocked thread, round trip",
      Thread,
      answerBlocking,
      "blocks",
      "bare futex between processes",
      futexPingPong(),
    ),
    await waking("threads: main awaits, worker awaits", Thread, answerAwaiting, "awaits", ...post()),
    await waking("threads: main awaits, worker blocks", Thread, answerBlocking, "awaits", ...post()),
    await waking("threads: main blocks, worker awaits", Thread, answerAwaiting, "blocks", ...post()),
    await waking("processes: main awaits, child awaits", Process, answerAwaiting, "awaits", ...ipc()),
    await waking("processes: main awaits, child blocks", Process, answerBlocking, "awaits", ...ipc()),
    await waking("processes: main blocks, child awaits", Process, answerAwaiting, "blocks", ...ipc()),
  ]);
}
