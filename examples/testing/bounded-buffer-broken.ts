/**
 * A bounded buffer with one condition for both of its reasons to wait. It looks right, passes every test on a good day,
 * and can stop for ever.
 */
import { Condition, SharedArray, task, Value } from "allcores";

const CAPACITY = 1;

interface Buffer {
  items: SharedArray<number>;
  size: Value<number>;
  changed: Condition;
  received: Value<number>;
}

function put({ items, size, changed }: Buffer, item: number): void {
  changed.runSync(() => {
    changed.waitForSync(() => size.value < CAPACITY);
    items.set(size.value, item);
    size.value += 1;
    changed.notify();
  });
}

function take({ items, size, changed }: Buffer): number {
  return changed.runSync(() => {
    changed.waitForSync(() => size.value > 0);
    size.value -= 1;
    // Meant for the producer; but whoever waits longest is woken, and that may be the other consumer.
    changed.notify();
    return items.get(size.value);
  });
}

export const setup = task(import.meta, "setup", (): Buffer => {
  return {
    items: new SharedArray("int32", CAPACITY),
    size: new Value("int32"),
    changed: new Condition(),
    received: new Value("int32"),
  };
});
export const producer = task(import.meta, "producer", (buffer: Buffer) => {
  put(buffer, 1);
  put(buffer, 2);
});
export const consumer = task(import.meta, "consumer", (buffer: Buffer) => {
  buffer.received.add(take(buffer));
});
export const check = task(import.meta, "check", ({ received }: Buffer) => {
  if (received.value !== 3) throw new Error(`items were lost or doubled: their sum is ${received.value}, not 3`);
});
