/** Pipes between two processes, both ends blocking: round trips of a small int, and messages of 16 MiB one way. */
import { type Connection, createPipe, isMain, Process, task } from "allcores";
import {
  alternate,
  atMost,
  type Bound,
  besidePython,
  compared,
  type Figure,
  pythonVersion,
  python,
  report,
} from "./measure.js";

const ROUNDS = 10_000;
const TURNS = 5;
const LARGE = 16 * 2 ** 20;
const MESSAGES = 20;
/** Until the blocks that are used in turns, and the pages under them, are warm. */
const WARM_UPS = 4;

const echo = task(import.meta, function echo(end: Connection<number>) {
  for (const value of end) end.sendSync(value);
});

const source = task(import.meta, function source(end: Connection<Buffer>) {
  const block = Buffer.alloc(LARGE, 1);
  for (let message = 0; message < MESSAGES + WARM_UPS; message++) end.sendSync(block);
});

/** Microseconds of a round trip. */
async function pingPong(): Promise<number> {
  const [here, there] = createPipe<number>({ across: "processes" });
  await using child = Process.start(echo, there);
  here.sendSync(0);
  here.recvSync();
  const start = performance.now();
  for (let round = 1; round <= ROUNDS; round++) {
    here.sendSync(round);
    if (here.recvSync() !== round) throw new Error(`round ${round} did not come back`);
  }
  const took = performance.now() - start;
  here.close();
  await child.join();
  return (took * 1000) / ROUNDS;
}

/** GiB a second of messages that `receive` takes. */
async function stream(receive: (end: Connection<Buffer>) => number): Promise<number> {
  const [here, there] = createPipe<Buffer>({ across: "processes" });
  await using child = Process.start(source, there);
  for (let message = 0; message < WARM_UPS; message++) receive(here);
  const rate = rateOf(() => {
    if (receive(here) !== LARGE) throw new Error("a message came short");
  });
  await child.join();
  return rate;
}

function rateOf(step: () => void): number {
  const start = performance.now();
  for (let message = 0; message < MESSAGES; message++) step();
  return (MESSAGES * LARGE) / 2 ** 30 / ((performance.now() - start) / 1000);
}

const from = Buffer.alloc(LARGE, 1);
const into = Buffer.alloc(LARGE, 2);
const warmCopies = (): number => rateOf(() => void from.copy(into));
const freshCopies = (): number => rateOf(() => void from.copy(Buffer.allocUnsafe(LARGE)));

/** At least `least` times the rival's rate. */
const atLeast = (least: number): Bound => ({
  text: `≥ ${least} × rival`,
  advantage: least,
  ratio: (ours, theirs) => ours / theirs,
  holds: (ratio) => ratio >= least,
});

if (isMain(import.meta)) {
  const warm = () => stream((end) => end.recvIntoSync(into));
  const figures: Figure[] = [
    await besidePython(
      `round trip of a small int`,
      "µs",
      TURNS,
      pingPong,
      "multiprocessing_pipe",
      "multiprocessing.Pipe",
      atMost(0.3),
      1e6 / ROUNDS,
      ["small"],
    ),
    compared(
      "16 MiB, recvInto a warm buffer",
      "GiB/s",
      await alternate(TURNS, warm, warmCopies),
      "Buffer.copy, warm",
      atLeast(0.4),
    ),
    compared(
      "16 MiB, recv: a fresh buffer each",
      "GiB/s",
      await alternate(TURNS, () => stream((end) => end.recvSync().length), freshCopies),
      "Buffer.copy, fresh",
    ),
  ];
  if (pythonVersion() !== undefined) {
    const theirs = () => (MESSAGES * LARGE) / 2 ** 30 / python("multiprocessing_pipe", "large");
    figures.push(
      compared(
        "16 MiB, recvInto a warm buffer",
        "GiB/s",
        await alternate(TURNS, warm, theirs),
        "multiprocessing.Pipe, recv_bytes_into",
        atLeast(1),
      ),
    );
  }
  report(figures);
}
