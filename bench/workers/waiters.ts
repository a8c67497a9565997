/** Workers that wait for one event and do nothing else. */
import { type Barrier, type Event, task } from "allcores";

export const block = task(import.meta, function block(gate: Barrier, event: Event): void {
  gate.waitSync();
  event.waitSync();
});

export const wait = task(import.meta, async function wait(gate: Barrier, event: Event): Promise<void> {
  gate.waitSync();
  await event.wait();
});
