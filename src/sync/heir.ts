import { NotOwnerError } from "../errors/index.js";
import type { Heap } from "../memory/index.js";

/**
 * The worker to which a hold is handed over must be alive in the object's reach.
 *
 * @param what the hold, as errors name it
 * @throws NotOwnerError: nothing has changed then
 */
export function checkHeir(heap: Heap, worker: number, what: string): void {
  if (heap.registry.isAlive(worker)) return;
  throw new NotOwnerError(`${what} cannot be handed to worker ${worker}: no such worker is alive in its reach`);
}
