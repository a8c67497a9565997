/**
 * Which tasks a pool has ordered of one of its workers: the module and the name of each, told by a way that nobody else
 * can write to. Loading a module runs it; so the number of a task in shared memory chooses among what was ordered, and
 * what stands there of a module is believed only if it was ordered too.
 *
 * To a thread orders go through the port of its lane, as strings; to a process through a socket that it inherits, a
 * line each. An order is there before the record that goes by it.
 * Rejected: to take the record's word for a module that belongs to the program (any file of the project could be run
 * so), and a pipe (others of this user can open it by /proc).
 */
import fs from "node:fs";

/** Longer ones go by their digest: a `data:` URL may be longer than a socket takes at once. */
const MOST_CHARACTERS = 4096;
const READ_BYTES = 65_536;

/** One order. */
export function orderOf(url: string, name: string): string {
  const order = JSON.stringify([url, name]);
  // Loaded on use: most orders are short, and it takes each worker 3 ms.
  return order.length <= MOST_CHARACTERS
    ? order
    : process.getBuiltinModule("node:crypto").createHash("sha256").update(order).digest("hex");
}

/** The worker's side: what has been ordered. */
export class Orders {
  readonly #orders = new Set<string>();
  readonly #descriptor: number | undefined;
  #rest = "";

  /** `descriptor`: where orders come from; without one they are given by `add`. It must not block. */
  constructor(descriptor?: number) {
    this.#descriptor = descriptor;
  }

  add(order: string): void {
    this.#orders.add(order);
  }

  /** Whether that is ordered. `more` brings what may have come since. */
  has(order: string, more: () => void): boolean {
    if (this.#orders.has(order)) return true;
    more();
    this.#read();
    return this.#orders.has(order);
  }

  #read(): void {
    if (this.#descriptor === undefined) return;
    const bytes = Buffer.allocUnsafe(READ_BYTES);
    for (;;) {
      let count: number;
      try {
        count = fs.readSync(this.#descriptor, bytes);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EAGAIN") return;
        throw error;
      }
      if (count === 0) return;
      // Nothing but ASCII: see `orderOf` and the line's writer.
      const lines = (this.#rest + bytes.toString("latin1", 0, count)).split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) this.#orders.add(decodeURIComponent(line));
    }
  }
}

/** An order as a line: one of ASCII alone, however its module is called. */
export function lineOf(order: string): string {
  return `${encodeURIComponent(order)}\n`;
}
