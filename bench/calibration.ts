/**
 * What this machine charges for the two things that every row pays: waking a thread, and a message to one. Bare Node,
 * nothing of the library.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { median } from "./measure.js";

const ROUNDS = 2000;
const TURNS = 5;

export interface Calibration {
  /** Median µs until a thread that blocks in `Atomics.wait` goes on. */
  readonly wakeUpUs: number;
  /** Median µs of one `postMessage` between two event loops. */
  readonly postMessageUs: number;
}

/** Echoes each message, and each ring on the words that it was given. */
const ECHO = `
const { parentPort, workerData: words } = require("node:worker_threads");
parentPort.on("message", (message) => {
  if (message === "message") return parentPort.postMessage(message);
  for (let round = 1; round <= ${ROUNDS}; round++) {
    while (Atomics.load(words, 0) !== round) Atomics.wait(words, 0, round - 1);
    Atomics.store(words, 1, round);
    Atomics.notify(words, 1);
  }
});
parentPort.postMessage("ready");
`;

/** Takes about a second. */
export async function calibrate(): Promise<Calibration> {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const echo = new Worker(ECHO, { eval: true, workerData: words });
  await once(echo, "message");
  const wakeUps: number[] = [];
  const messages: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    wakeUps.push(wakeUp(echo, words));
    messages.push(await message(echo));
  }
  await echo.terminate();
  return { wakeUpUs: median(wakeUps), postMessageUs: median(messages) };
}

/** µs of one wake-up: half of a round trip between two threads that block. */
function wakeUp(echo: Worker, words: Int32Array): number {
  words.fill(0);
  echo.postMessage("words");
  const start = performance.now();
  for (let round = 1; round <= ROUNDS; round++) {
    Atomics.store(words, 0, round);
    Atomics.notify(words, 0);
    while (Atomics.load(words, 1) !== round) Atomics.wait(words, 1, round - 1);
  }
  return ((performance.now() - start) * 1000) / ROUNDS / 2;
}

/** µs of one message: half of a round trip between two event loops. */
async function message(echo: Worker): Promise<number> {
  const start = performance.now();
  await new Promise<void>((resolve) => {
    let round = 0;
    const next = () => {
      if (++round > ROUNDS) {
        echo.off("message", next);
        resolve();
      } else echo.postMessage("message");
    };
    echo.on("message", next);
    next();
  });
  return ((performance.now() - start) * 1000) / ROUNDS / 2;
}
