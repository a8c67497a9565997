import assert from "node:assert/strict";
import {
  type Connection,
  ConnectionClosedError,
  createPipe,
  SharedArray,
  task,
  TimeoutError,
} from "../../src/index.js";
import { decode, encode } from "../../src/codec/index.js";
import { threadHeap } from "../../src/memory/index.js";
import type { Model } from "./model.js";

/** Messages are numbers, 10 * sender + place in its order; the large ones are strings that begin with such a number. */
interface Shared {
  /** The end of each worker as a message, which only that worker decodes: an end belongs to one. */
  readonly ends: (readonly number[])[];
  /** How often each message was received. */
  readonly received: SharedArray<number>;
  /** Words in use before there was a pipe. */
  readonly used: number;
}

const MOST = 32;
/** What each worker's list of what it holds takes. */
const LEDGER_WORDS = 64;
/** Of a pipe: who carries each end. */
const CARRIERS = 4;
type Message = number | string;

function shared(workers: number, capacity?: number, first: readonly Message[] = []): Shared {
  const received = new SharedArray("int32", MOST);
  const used = threadHeap().allocator.usedWords();
  const pipe = createPipe<Message>({ capacity: capacity ?? 2 ** 20 });
  for (const message of first) pipe[0].sendSync(message);
  const ends = Array.from({ length: workers }, (_, index) => (index < 2 ? bytesOf(pipe[index]!, index) : []));
  return { ends, received, used };
}
/**
 * The ends of one worker, in a message for it. It carries them itself from the start: if it dies before it has decoded
 * that, they are gone.
 */
function bytesOf(value: object, index: number): number[] {
  const message = encode(value, { to: "threads", tells: true });
  const bytes = Array.from(message.toBytes());
  message.committed?.();
  for (const end of [value].flat()) setCarrier(end, index);
  return bytes;
}
/** The workers of an explored program are in the registry, one after the other, behind the one that runs `setup`. */
function setCarrier(end: unknown, index: number): void {
  const { words, self } = threadHeap();
  const { at } = end as { at: number };
  words[words[at]! + CARRIERS + words[at + 1]!] = self + 1 + index;
}
const endOf = ({ ends }: Shared, index: number): Connection<Message> =>
  decode(Uint8Array.from(ends[index]!), 0, ends[index]!.length) as Connection<Message>;

const open = task(import.meta, "open", () => shared(2));
/** Room for one message. */
const narrow = task(import.meta, "narrow", () => shared(2, 1));
const full = task(import.meta, "full", () => shared(2, 1, [1]));
const filled = task(import.meta, "filled", () => shared(2, undefined, [1, 2]));

/** Counts a message, which must come after those sent before it. */
function count({ received }: Pick<Shared, "received">, message: Message, last: { number: number }): void {
  const number = Number.parseInt(String(message), 10);
  assert.ok(last.number < number, `${number} came after ${last.number}`);
  last.number = number;
  received.add(number, 1);
}

const send = task(import.meta, "send", (times: number, shared: Shared, index: number) => {
  const end = endOf(shared, index);
  for (let item = 1; item <= times; item++) end.sendSync(index * 10 + item);
  return end;
});
const sendAwaiting = task(import.meta, "sendAwaiting", async (times: number, shared: Shared, index: number) => {
  const end = endOf(shared, index);
  for (let item = 1; item <= times; item++) await end.send(index * 10 + item);
});
const sendTogether = task(import.meta, "sendTogether", async (shared: Shared, index: number) => {
  const end = endOf(shared, index);
  await Promise.all([end.send(index * 10 + 1), end.send(index * 10 + 2)]);
});
const sendLarge = task(import.meta, "sendLarge", (shared: Shared, index: number) => {
  const end = endOf(shared, index);
  end.sendSync(`${index * 10 + 1}`.padEnd(1500));
  end.close();
});
const sendAndClose = task(import.meta, "sendAndClose", (times: number, shared: Shared, index: number) => {
  const end = endOf(shared, index);
  try {
    for (let item = 1; item <= times; item++) end.sendSync(index * 10 + item);
  } catch (error) {
    if (!(error instanceof ConnectionClosedError)) throw error;
  }
  end.close();
});

const receive = task(import.meta, "receive", (times: number, shared: Shared, index: number) => {
  const end = endOf(shared, index);
  const last = { number: -1 };
  for (let time = 0; time < times; time++) count(shared, end.recvSync(), last);
});
const receiveAndClose = task(import.meta, "receiveAndClose", (times: number, shared: Shared, index: number) => {
  const end = endOf(shared, index);
  for (let time = 0; time < times; time++) count(shared, end.recvSync(), { number: -1 });
  end.close();
});
const receiveAwaiting = task(import.meta, "receiveAwaiting", async (times: number, shared: Shared, index: number) => {
  const end = endOf(shared, index);
  const last = { number: -1 };
  for (let time = 0; time < times; time++) count(shared, await end.recv(), last);
});
/** Two callers at one end: the first gets what comes first. */
const receiveTogether = task(import.meta, "receiveTogether", async (shared: Shared, index: number) => {
  const end = endOf(shared, index);
  const last = { number: -1 };
  for (const message of await Promise.all([end.recv(), end.recv()])) count(shared, message, last);
});
/** One whose time runs out beside one that waits on, and one that only asks. */
const receiveBesideImpatient = task(import.meta, "receiveBesideImpatient", async (shared: Shared, index: number) => {
  const end = endOf(shared, index);
  const last = { number: -1 };
  const impatient = end.recv({ timeout: 10 }).catch((error: unknown) => {
    if (!(error instanceof TimeoutError)) throw error;
  });
  const got = await Promise.all([impatient, end.recv()]);
  for (const message of got) if (message !== undefined) count(shared, message, last);
  if (got[0] === undefined) count(shared, await end.recv(), last);
});
const pollAndReceive = task(import.meta, "pollAndReceive", async (shared: Shared, index: number) => {
  const end = endOf(shared, index);
  const last = { number: -1 };
  const [there, message] = await Promise.all([end.poll({ timeout: Number.POSITIVE_INFINITY }), end.recv()]);
  assert.equal(there, true);
  count(shared, message, last);
});
const sendUntil = task(import.meta, "sendUntil", async (shared: Shared, index: number) => {
  const end = endOf(shared, index);
  const impatient = end.send(index * 10 + 1, { timeout: 10 }).catch((error: unknown) => {
    if (!(error instanceof TimeoutError)) throw error;
    shared.received.add(index * 10 + 1, 1);
  });
  await Promise.all([impatient, end.send(index * 10 + 2)]);
});

const drain = task(import.meta, "drain", (shared: Shared, index: number) => {
  const end = endOf(shared, index);
  const last = { number: -1 };
  for (const message of end) count(shared, message, last);
  end.close();
});
const drainAwaiting = task(import.meta, "drainAwaiting", async (shared: Shared, index: number) => {
  const end = endOf(shared, index);
  const last = { number: -1 };
  for await (const message of end) count(shared, message, last);
  end.close();
});
const close = task(import.meta, "close", (shared: Shared, index: number) => endOf(shared, index).close());
/** Sends until it hears that nobody receives any more. */
const sendUntilClosed = task(import.meta, "sendUntilClosed", (shared: Shared, index: number) => {
  const end = endOf(shared, index);
  assert.throws(() => {
    for (;;) end.sendSync(index);
  }, ConnectionClosedError);
  end.close();
});
const sendUntilClosedAwaiting = task(import.meta, "sendUntilClosedAwaiting", async (shared: Shared, index: number) => {
  const end = endOf(shared, index);
  await assert.rejects(async () => {
    for (;;) await end.send(index);
  }, ConnectionClosedError);
  end.close();
});

/** Both sides ask and answer. */
const ask = task(import.meta, "ask", (shared: Shared, index: number) => {
  const end = endOf(shared, index);
  end.sendSync(index * 10 + 1);
  count(shared, end.recvSync(), { number: -1 });
  end.close();
});
const answer = task(import.meta, "answer", async (shared: Shared, index: number) => {
  const end = endOf(shared, index);
  const last = { number: -1 };
  count(shared, await end.recv(), last);
  await end.send(index * 10 + 1);
});

/** Gives its end to the other one through another pipe. */
const relay = task(import.meta, "relay", (): Shared => {
  const received = new SharedArray("int32", MOST);
  const used = threadHeap().allocator.usedWords();
  const [left, right] = createPipe<Message>();
  const [carrier, arrival] = createPipe<unknown>();
  left.sendSync(1);
  return { ends: [bytesOf([right, carrier], 0), bytesOf(arrival, 1), bytesOf(left, 2)], received, used };
});
const giveAway = task(import.meta, "giveAway", (shared: Shared, index: number) => {
  const [end, carrier] = decode(Uint8Array.from(shared.ends[index]!), 0, shared.ends[index]!.length) as [
    Connection<Message>,
    Connection,
  ];
  carrier.sendSync({ end });
  assert.equal(end.isClosed, true);
  carrier.close();
});
const takeOver = task(import.meta, "takeOver", (shared: Shared, index: number) => {
  const arrival = endOf(shared, index) as unknown as Connection<{ end: Connection<Message> }>;
  const last = { number: -1 };
  for (const { end } of arrival) {
    for (const message of end) count(shared, message, last);
    end.close();
  }
  arrival.close();
});

/** Sends an end away through a pipe that is full at first: it may die while that waits, or with the end on its way. */
const relayFull = task(import.meta, "relayFull", (): Shared => {
  const received = new SharedArray("int32", MOST);
  const used = threadHeap().allocator.usedWords();
  const [left, right] = createPipe<Message>();
  const [carrier, arrival] = createPipe<unknown>({ capacity: 1 });
  carrier.sendSync(1);
  return { ends: [bytesOf([right, carrier], 0), bytesOf([left, arrival], 1)], received, used };
});
/** Hears of the end of both, whatever became of the one that was sent away. */
const takeBoth = task(import.meta, "takeBoth", (shared: Shared, index: number) => {
  const [left, arrival] = decode(Uint8Array.from(shared.ends[index]!), 0, shared.ends[index]!.length) as [
    Connection<Message>,
    Connection<Message>,
  ];
  for (const message of arrival as Connection<Message | { end: Connection }>) {
    if (typeof message === "object") message.end.close();
    else count(shared, message, { number: -1 });
  }
  for (const message of left) assert.fail(`${message} came from nobody`);
});

function counts({ received }: Pick<Shared, "received">): number[] {
  return Array.from({ length: MOST }, (_, item) => received.get(item));
}
const once = task(import.meta, "once", (messages: readonly number[], shared: Shared) => {
  const expected = Array.from({ length: MOST }, (_, item) => (messages.includes(item) ? 1 : 0));
  assert.deepEqual(counts(shared), expected);
});
const forgotten = task(import.meta, "forgotten", ({ used, ends }: Shared) =>
  assert.equal(threadHeap().allocator.usedWords(), used + ends.length * LEDGER_WORDS),
);
/** And both ends were closed: nothing is left of the pipe. */
const onceAndForgotten = task(import.meta, "onceAndForgotten", (messages: readonly number[], shared: Shared) => {
  once.partial(messages)(shared);
  forgotten(shared);
});
const atMostOnce = task(import.meta, "atMostOnce", (messages: readonly number[], shared: Pick<Shared, "received">) => {
  for (const [item, times] of counts(shared).entries())
    assert.ok(times <= (messages.includes(item) ? 1 : 0), `${item} came ${times} times`);
});

export const models: Model[] = [
  {
    name: "messages arrive once and in order",
    program: { setup: open, workers: [send.partial(2), receive.partial(2)], check: once.partial([1, 2]) },
  },
  {
    name: "an awaiting receiver",
    program: { setup: open, workers: [send.partial(2), receiveAwaiting.partial(2)], check: once.partial([1, 2]) },
  },
  {
    name: "a full pipe: a blocking sender waits for room",
    program: { setup: narrow, workers: [send.partial(3), receive.partial(3)], check: once.partial([1, 2, 3]) },
  },
  {
    name: "a full pipe: an awaiting sender waits for room",
    program: {
      setup: narrow,
      workers: [sendAwaiting.partial(3), receiveAwaiting.partial(3)],
      check: once.partial([1, 2, 3]),
    },
  },
  {
    name: "senders of one end keep their order",
    program: { setup: narrow, workers: [sendTogether, receive.partial(2)], check: once.partial([1, 2]) },
  },
  {
    name: "receivers of one end keep their order",
    program: { setup: open, workers: [send.partial(2), receiveTogether], check: once.partial([1, 2]) },
  },
  {
    name: "a receive whose time runs out takes nothing and keeps nobody waiting",
    program: { setup: open, workers: [send.partial(2), receiveBesideImpatient], check: once.partial([1, 2]) },
  },
  {
    name: "a poll takes nothing and keeps nobody waiting",
    program: { setup: open, workers: [send.partial(2), pollAndReceive], check: once.partial([1]) },
  },
  {
    name: "a send whose time runs out sends nothing and keeps nobody waiting",
    program: { setup: narrow, workers: [sendUntil, receive.partial(1)], check: atMostOnce.partial([1, 2]) },
  },
  { name: "question and answer", program: { setup: open, workers: [ask, answer], check: once.partial([1, 11]) } },
  {
    name: "the end of the file comes after everything that was sent, and nothing is left",
    program: { setup: open, workers: [sendAndClose.partial(2), drain], check: onceAndForgotten.partial([1, 2]) },
  },
  {
    name: "the end of the file wakes an awaiting receiver",
    program: { setup: open, workers: [sendAndClose.partial(1), drainAwaiting], check: onceAndForgotten.partial([1]) },
  },
  {
    name: "closing wakes a sender that waits for room",
    program: { setup: full, workers: [sendUntilClosed, close], check: forgotten },
  },
  {
    name: "closing wakes an awaiting sender that waits for room",
    program: { setup: full, workers: [sendUntilClosedAwaiting, close], check: forgotten },
  },
  { name: "both ends close at once", program: { setup: filled, workers: [close, close], check: forgotten } },
  {
    name: "a large message arrives whole and leaves nothing behind",
    program: { setup: open, workers: [sendLarge, drain], check: onceAndForgotten.partial([1]) },
  },
  {
    name: "an end moves with what it has not received",
    program: { setup: relay, workers: [giveAway, takeOver, sendAndClose.partial(1)], check: once.partial([1, 21]) },
  },
  {
    name: "a sender that dies leaves whole messages, and the end of the file",
    program: { setup: open, workers: [sendAndClose.partial(2), drain], check: atMostOnce.partial([1, 2]) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a sender that dies leaves them to an awaiting receiver",
    program: { setup: open, workers: [sendAndClose.partial(1), drainAwaiting], check: atMostOnce.partial([1]) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a large message of a dead sender is whole or absent",
    program: { setup: open, workers: [sendLarge, drain], check: atMostOnce.partial([1]) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a receiver that dies: its sender hears of it",
    program: { setup: full, workers: [sendUntilClosed, receiveAndClose.partial(1)], check: atMostOnce.partial([0, 1]) },
    options: { deaths: 1, mortal: [1] },
  },
  {
    name: "an end that a dying worker sends away arrives or is gone",
    program: { setup: relayFull, workers: [giveAway, takeBoth], check: atMostOnce.partial([1]) },
    options: { deaths: 1, mortal: [0] },
  },
];
