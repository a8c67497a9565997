/**
 * The bounded buffer with a condition for each reason to wait, both over one lock: a notification reaches only who can
 * use it.
 */
import { Condition, Lock, SharedArray, task, Value } from "allcores";

const CAPACITY = 1;

interface Buffer {
  items: SharedArray<number>;
  size: Value<number>;
  notFull: Condition;
  notEmpty: Condition;
  received: Value<number>;
}

function put({ items, size, notFull, notEmpty }: Buffer, item: number): void {
  notFull.runSync(() => {
    notFull.waitForSync(() => size.value < CAPACITY);
    items.set(size.value, item);
    size.value += 1;
    notEmpty.notify();
  });
}

function take({ items, size, notFull, notEmpty }: Buffer): number {
  return notEmpty.runSync(() => {
    notEmpty.waitForSync(() => size.value > 0);
    size.value -= 1;
    notFull.notify();
    return items.get(size.value);
  });
}

export const setup = task(import.meta, "setup", (): Buffer => {
  const lock = new Lock();
  return {
    items: new SharedArray("int32", CAPACITY),
    size: new Value("int32"),
    notFull: new Condition(lock),
    notEmpty: new Condition(lock),
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
