import type { Batch, Segment } from "./segment.js";

/** What has become of the items that a map has taken and has not given on. */
export class MapOutcomes {
  readonly #isOrdered: boolean;
  /** In the order of the items; undefined where one was given whole. */
  #segments: (Segment | undefined)[] = [];
  /** Where the first stands that was not given whole. A shift each time would move all of the rest. */
  #first = 0;
  /** Those that something came for, as often as it did; only where the order does not matter. */
  #arrived: Segment[] = [];

  /** `isOrdered`: they are given in the order of the items. */
  constructor(isOrdered: boolean) {
    this.#isOrdered = isOrdered;
  }

  /** Nothing has to come any more, and all was given. */
  get isEmpty(): boolean {
    return this.#segments.length === this.#first && this.#arrived.length === 0;
  }

  /** How many have not come. */
  get missing(): number {
    let missing = 0;
    for (let at = this.#first; at < this.#segments.length; at++) missing += this.#segments[at]?.missing ?? 0;
    return missing;
  }

  /** Items were taken. */
  expect(segment: Segment): void {
    this.#segments.push(segment);
  }

  /** Outcomes of this segment have come together. */
  arrived(segment: Segment): void {
    if (!this.#isOrdered) this.#arrived.push(segment);
  }

  /** The next that can be given; undefined while there are none. */
  take(): Batch | undefined {
    return this.#isOrdered ? this.#takeInOrder() : this.#takeAny();
  }

  #takeInOrder(): Batch | undefined {
    const segment = this.#segments[this.#first];
    const range = segment?.takeInOrder();
    if (segment === undefined || range === undefined) return undefined;
    if (segment.taken === segment.items.length) this.#given();
    return { segment, from: range[0], to: range[1] };
  }

  #given(): void {
    this.#segments[this.#first++] = undefined;
    if (this.#first < this.#segments.length / 2) return;
    this.#segments.splice(0, this.#first);
    this.#first = 0;
  }

  #takeAny(): Batch | undefined {
    for (;;) {
      const segment = this.#arrived.shift();
      if (segment === undefined) return undefined;
      const range = segment.takeAny();
      if (range === undefined) continue;
      if (segment.taken === segment.items.length) this.#segments.splice(this.#segments.indexOf(segment), 1);
      return { segment, from: range[0], to: range[1] };
    }
  }
}
