/** Holds a worker of a pool until as many have begun as the gate has parties: so every worker is started. */
import { type Barrier, task } from "allcores";

export const waitFor = task(import.meta, function waitFor(gate: Barrier): void {
  gate.waitSync();
});
