/**
 * A stream of small ints from one worker to another with what the platform and another library have for it: seconds
 * from the first start to the last end.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { MessageChannel, Worker } from "node:worker_threads";
import { now, spanOf } from "../measure.js";
import { supplyMissingNames } from "../pool/rivals/multithreading.js";

type Span = readonly [start: number, end: number];

/** From thread to thread, by a port between them. */
export async function postMessageStream(count: number): Promise<number> {
  const { port1, port2 } = new MessageChannel();
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const spans = (["send", "receive"] as const).map(async (role) => {
    const worker = new Worker(new URL("./stream-worker.js", import.meta.url), { workerData: { role, count, gate } });
    const port = role === "send" ? port1 : port2;
    worker.postMessage(port, [port]);
    const span = await new Promise<Span>((resolve, reject) => worker.once("message", resolve).once("error", reject));
    await worker.terminate();
    return span;
  });
  return spanOf(await Promise.all(spans));
}

/** From a child process to this one, by its channel. */
export async function ipcStream(count: number): Promise<number> {
  const child = fork(fileURLToPath(new URL("./stream-child.js", import.meta.url)), [String(count)]);
  let next = 0;
  let end = 0;
  const start = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => child.send("go"));
    child.on("message", (item: number | { start: number }) => {
      if (typeof item === "object") resolve(item.start);
      else if (item !== next++) reject(new Error(`item ${item} did not come in its turn`));
      else if (next === count) end = now();
    });
  });
  return end - start;
}

/** From thread to thread by the channel of the package `multithreading`, both ends blocking. */
export async function multithreadingStream(count: number): Promise<number> {
  supplyMissingNames();
  const { channel, initRuntime, move, shutdown, spawn } = await import("multithreading");
  initRuntime({ maxWorkers: 2 });
  const [sender, receiver] = channel<number>();
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const send = spawn(move(sender, gate, count), async (sender, gate, count) => {
    if (Atomics.add(gate, 0, 1) === 1) Atomics.notify(gate, 0);
    else Atomics.wait(gate, 0, 1);
    const start = Number(process.hrtime.bigint()) / 1e9;
    for (let item = 0; item < count; item++) sender.blockingSend(item);
    return [start, Number(process.hrtime.bigint()) / 1e9] as const;
  });
  const receive = spawn(move(receiver, gate, count), async (receiver, gate, count) => {
    if (Atomics.add(gate, 0, 1) === 1) Atomics.notify(gate, 0);
    else Atomics.wait(gate, 0, 1);
    const start = Number(process.hrtime.bigint()) / 1e9;
    for (let next = 0; next < count; next++) {
      const result = receiver.blockingRecv();
      if (!result.ok || result.value !== next) throw new Error(`item ${next} did not come in its turn`);
    }
    return [start, Number(process.hrtime.bigint()) / 1e9] as const;
  });
  const spans = await Promise.all(
    [send, receive].map(async (handle) => {
      const result = await handle.join();
      if (!result.ok) throw result.error;
      return result.value;
    }),
  );
  shutdown();
  return spanOf(spans);
}
