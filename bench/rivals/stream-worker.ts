/**
 * A bare worker thread at one end of a stream of ints: gets a port, sends or counts, and posts when it began and ended.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";

const now = (): number => Number(process.hrtime.bigint()) / 1e9;

const { count, gate } = workerData as { count: number; gate: Int32Array };
parentPort!.once("message", (port: MessagePort | undefined) => {
  const end = port ?? parentPort!;
  if (workerData.role === "send") {
    open();
    const start = now();
    for (let item = 0; item < count; item++) end.postMessage(item);
    parentPort!.postMessage([start, now()]);
  } else {
    let next = 0;
    let start = 0;
    end.on("message", (item: number) => {
      if (item !== next++) throw new Error(`item ${item} did not come in its turn`);
      if (next < count) return;
      end.close();
      parentPort!.postMessage([start, now()]);
    });
    open();
    start = now();
  }
});

/** Both begin together. */
function open(): void {
  if (Atomics.add(gate, 0, 1) === 1) Atomics.notify(gate, 0);
  else Atomics.wait(gate, 0, 1);
}
