import type { Agenda, Appointment } from "./agenda.js";
import type { Segment } from "./segment.js";

/** One item of a map. */
interface Item {
  readonly segment: Segment;
  readonly index: number;
}

/** The items of a map that wait for their next attempt. */
export class MapRetries {
  readonly #agenda: Agenda;
  readonly #waiting = new Map<Appointment, Item>();

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Tries an item again after so many milliseconds. */
  add(item: Item, delay: number, again: () => void): void {
    const next = this.#agenda.after(delay, () => {
      this.#waiting.delete(next);
      again();
    });
    this.#waiting.set(next, item);
  }

  /** All of them, which wait no more. */
  takeAll(): Item[] {
    const items = [...this.#waiting.values()];
    for (const next of this.#waiting.keys()) next.clear();
    this.#waiting.clear();
    return items;
  }
}
