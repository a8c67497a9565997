/**
 * Each call of the public surface, to be made ten thousand times. A row makes what it needs once and returns the call;
 * what lives long (a signal, a promise, a pool) is the same for all of them. A key is the call's name; behind a comma
 * stands another way out of the same call.
 */
import {
  activeWorkers,
  after,
  allowModules,
  asCompleted,
  AsyncPool,
  AutoPool,
  Barrier,
  BoundedSemaphore,
  type Choice,
  Condition,
  CountDownLatch,
  cpuCount,
  createPipe,
  createPool,
  currentWorker,
  detectDeadlocks,
  dumpOnSignal,
  Event,
  Future,
  gather,
  isAllcoresError,
  isMain,
  LifoQueue,
  Lock,
  onDeadlock,
  pack,
  type Pool,
  PriorityQueue,
  ProcessPool,
  Queue,
  RLock,
  runSync,
  RWLock,
  select,
  selectable,
  selectSync,
  Semaphore,
  sendable,
  serve,
  setUncaughtHook,
  SharedArray,
  SharedList,
  SharedMap,
  SharedMemory,
  shield,
  sleep,
  sleepSync,
  snapshot,
  Struct,
  TaskGroup,
  taskModule,
  Thread,
  ThreadPool,
  timeout,
  timeoutAt,
  toThread,
  transfer,
  trySelect,
  unpack,
  Value,
  wait,
  waitFor,
  WorkerLocal,
} from "allcores";
import { add, sleepFor, square } from "../fixtures/pool-tasks.js";

/** Makes what it needs and returns the call. */
export type Row = () => () => unknown;

/** Given to every call that takes one. */
export const longSignal = new AbortController().signal;
/** Waited for by every call that takes one. */
const longPromise = new Promise<never>(() => {});
const options = { signal: longSignal, timeout: 100_000 };
const noTime = { signal: longSignal, timeout: 0 };
const sync = { timeout: 100_000 };

/** A call that is to fail. */
async function failing(call: Promise<unknown>): Promise<void> {
  await call.then(
    () => {
      throw new Error("the call was to fail");
    },
    () => {},
  );
}

function failingSync(call: () => unknown): void {
  try {
    call();
  } catch {
    return;
  }
  throw new Error("the call was to fail");
}

/** A wait that somebody calls off. */
async function aborted(call: (options: { signal: AbortSignal; timeout: number }) => Promise<unknown>): Promise<void> {
  const controller = new AbortController();
  const ended = failing(call({ signal: controller.signal, timeout: 100_000 }));
  controller.abort();
  await ended;
}

/** Work that ends when it is called off. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

const rows: Record<string, Row> = {};

/** What every shared object has. */
function shared(name: string, make: () => { free(): void; toJSON?(): unknown }): void {
  rows[`new ${name}`] = () => () => make();
  rows[`${name}.free`] = () => () => make().free();
  rows[`${name}.toJSON`] = () => {
    const object = make();
    return () => JSON.stringify(object);
  };
}

/** A wait that succeeds, one without time, one that is called off. */
function waits(
  name: string,
  prepare: () => { passes(options: object): Promise<unknown>; fails(options: object): Promise<unknown> },
): void {
  rows[name] = () => {
    const { passes } = prepare();
    return () => passes(options);
  };
  rows[`${name}, without time`] = () => {
    const { fails } = prepare();
    return () => failing(fails(noTime));
  };
  rows[`${name}, called off`] = () => {
    const { fails } = prepare();
    return () => aborted(fails);
  };
}

for (const [name, Class] of Object.entries({ Lock, RLock, Semaphore, BoundedSemaphore })) {
  const make = () =>
    name === "Lock"
      ? new Lock()
      : name === "RLock"
        ? new RLock()
        : name === "Semaphore"
          ? new Semaphore(1)
          : new BoundedSemaphore(1);
  shared(name, () => new Class());
  waits(`${name}.acquire`, () => {
    const free = make();
    const taken = make();
    // Of an RLock by who awaits: another awaiting caller does not enter again.
    void taken.acquire();
    return {
      passes: async (given) => (await free.acquire(given))[Symbol.dispose](),
      fails: (given) => taken.acquire(given),
    };
  });
  rows[`${name}.acquireSync`] = () => {
    const object = make();
    return () => object.acquireSync(sync)[Symbol.dispose]();
  };
  rows[`${name}.tryAcquire`] = () => {
    const object = make();
    return () => object.tryAcquire()![Symbol.dispose]();
  };
  rows[`${name}.release`] = () => {
    const object = make();
    return () => {
      object.acquireSync();
      object.release();
    };
  };
  rows[`${name}.run`] = () => {
    const object = make();
    return () => object.run(async () => {}, options);
  };
  rows[`${name}.run, the function fails`] = () => {
    const object = make();
    return () =>
      failing(
        object.run(() => {
          throw new Error("wrong");
        }, options),
      );
  };
  rows[`${name}.runSync`] = () => {
    const object = make();
    return () => object.runSync(() => {}, sync);
  };
  rows[`${name}.consistent`] = () => {
    const object = make();
    object.acquireSync();
    return () => object.consistent();
  };
  rows[`${name}.[selectable]`] = () => {
    const object = make();
    return async () => (await select({ object }, options)).value[Symbol.dispose]();
  };
}
rows["Held.handOff"] = () => {
  const lock = new Lock();
  const heir = new Thread(sleepFor, { args: [1_000_000], daemon: true }).start();
  return async () => {
    while (heir.worker === undefined) await sleep(1);
    lock.acquireSync().handOff(heir.worker);
    lock.release();
  };
};
rows["RHeld.acquire"] = () => {
  const lock = new RLock();
  const held = lock.acquireSync();
  return () => held.acquire()[Symbol.dispose]();
};

shared("RWLock", () => new RWLock());
for (const [verb, other] of [
  ["read", "write"],
  ["write", "read"],
] as const) {
  const tried = verb === "read" ? "tryRead" : "tryWrite";
  waits(`RWLock.${verb}`, () => {
    const free = new RWLock();
    const taken = new RWLock();
    void taken[other]();
    return {
      passes: async (given) => (await free[verb](given))[Symbol.dispose](),
      fails: (given) => taken[verb](given),
    };
  });
  rows[`RWLock.${verb}Sync`] = () => {
    const lock = new RWLock();
    return () => lock[`${verb}Sync`](sync)[Symbol.dispose]();
  };
  rows[`RWLock.${tried}`] = () => {
    const lock = new RWLock();
    return () => lock[tried]()![Symbol.dispose]();
  };
  const [run, runSync] =
    verb === "read" ? (["runRead", "runReadSync"] as const) : (["runWrite", "runWriteSync"] as const);
  rows[`RWLock.${run}`] = () => {
    const lock = new RWLock();
    return () => lock[run](async () => {}, options);
  };
  rows[`RWLock.${run}, the function fails`] = () => {
    const lock = new RWLock();
    return () =>
      failing(
        lock[run](() => {
          throw new Error("wrong");
        }, options),
      );
  };
  rows[`RWLock.${runSync}`] = () => {
    const lock = new RWLock();
    return () => lock[runSync](() => {}, sync);
  };
}
for (const side of ["reading", "writing"] as const) {
  const other = side === "reading" ? "writing" : "reading";
  const key = (verb: string) => `RWLockView.${verb}${side === "reading" ? "" : ", writing"}`;
  waits(key("acquire"), () => {
    const free = new RWLock()[side];
    const lock = new RWLock();
    void lock[other].acquire();
    return {
      passes: async (given) => (await free.acquire(given))[Symbol.dispose](),
      fails: (given) => lock[side].acquire(given),
    };
  });
  waits(key("waitForUnlock"), () => {
    const lock = new RWLock();
    lock.writeSync();
    return {
      passes: (given) => new RWLock()[side].waitForUnlock(given),
      fails: (given) => lock[side].waitForUnlock(given),
    };
  });
  for (const [verb, call] of Object.entries({
    acquireSync: (lock: RWLock) => lock[side].acquireSync(sync)[Symbol.dispose](),
    tryAcquire: (lock: RWLock) => lock[side].tryAcquire()![Symbol.dispose](),
    run: (lock: RWLock) => lock[side].run(async () => {}, options),
    runSync: (lock: RWLock) => lock[side].runSync(() => {}, sync),
    release: (lock: RWLock) => {
      lock[side].acquireSync();
      lock[side].release();
    },
    waitForUnlockSync: (lock: RWLock) => lock[side].waitForUnlockSync(sync),
    cancelWaiters: async (lock: RWLock) => {
      const held = lock[other].acquireSync();
      const ended = lock.write().catch(() => {});
      lock[side].cancelWaiters();
      await ended;
      held[Symbol.dispose]();
    },
    "[selectable]": async (lock: RWLock) => (await select({ side: lock[side] }, options)).value[Symbol.dispose](),
  })) {
    rows[key(verb)] = () => {
      const lock = new RWLock();
      return () => call(lock);
    };
  }
}
rows["RWLockView.consistent"] = () => {
  const { writing } = new RWLock();
  writing.acquireSync();
  return () => writing.consistent();
};
rows["RWLock.release"] = () => {
  const lock = new RWLock();
  return () => {
    lock.writeSync();
    lock.release();
  };
};
rows["RWLock.consistent"] = () => {
  const lock = new RWLock();
  lock.writeSync();
  return () => lock.consistent();
};

shared("Event", () => new Event());
waits("Event.wait", () => {
  const isSet = new Event();
  isSet.set();
  const never = new Event();
  return { passes: (given) => isSet.wait(given), fails: (given) => never.wait(given) };
});
rows["Event.wait, woken"] = () => {
  const event = new Event();
  return async () => {
    const woken = event.wait(options);
    event.set();
    await woken;
    event.clear();
  };
};
rows["Event.waitSync"] = () => {
  const event = new Event();
  event.set();
  return () => event.waitSync(sync);
};
rows["Event.waitSync, without time"] = () => {
  const event = new Event();
  return () => failingSync(() => event.waitSync({ timeout: 0 }));
};
rows["Event.set"] = rows["Event.clear"] = () => {
  const event = new Event();
  return () => {
    event.set();
    event.clear();
  };
};
rows["Event.[selectable]"] = () => {
  const event = new Event();
  event.set();
  return () => select({ event }, options);
};

shared("CountDownLatch", () => new CountDownLatch(1));
waits("CountDownLatch.wait", () => {
  const [open, never] = [new CountDownLatch(0), new CountDownLatch(1)];
  return { passes: (given) => open.wait(given), fails: (given) => never.wait(given) };
});
rows["CountDownLatch.wait, let through"] = () => async () => {
  const latch = new CountDownLatch(1);
  const through = latch.wait(options);
  latch.countDown();
  await through;
  latch.free();
};
rows["CountDownLatch.waitSync"] = () => {
  const latch = new CountDownLatch(0);
  return () => latch.waitSync(sync);
};
rows["CountDownLatch.waitSync, without time"] = () => {
  const latch = new CountDownLatch(1);
  return () => failingSync(() => latch.waitSync({ timeout: 0 }));
};
rows["CountDownLatch.countDown"] = rows["CountDownLatch.tryWait"] = () => {
  const latch = new CountDownLatch(5000);
  return () => {
    latch.countDown();
    latch.tryWait();
  };
};
rows["CountDownLatch.[selectable]"] = () => {
  const latch = new CountDownLatch(0);
  return () => select({ latch }, options);
};

shared("Barrier", () => new Barrier(2));
waits("Barrier.wait", () => {
  const one = new Barrier(1);
  return {
    passes: (given) => one.wait(given),
    // Who leaves breaks it.
    fails: (given) => {
      const barrier = new Barrier(2);
      return barrier.wait(given).finally(() => barrier.free());
    },
  };
});
rows["Barrier.wait, of two"] = () => {
  const barrier = new Barrier(2);
  return () => Promise.all([barrier.wait(options), barrier.wait(options)]);
};
rows["Barrier.waitSync"] = () => {
  const barrier = new Barrier(1);
  return () => barrier.waitSync(sync);
};
rows["Barrier.abort"] = rows["Barrier.reset"] = () => {
  const barrier = new Barrier(2);
  return () => {
    barrier.abort();
    barrier.reset();
  };
};

shared("Condition", () => new Condition());
for (const verb of ["acquire", "wait", "waitFor"] as const) {
  waits(`Condition.${verb}`, () => {
    const free = new Condition();
    const taken = new Condition();
    const call = (condition: Condition, given: object): Promise<unknown> =>
      verb === "waitFor" ? condition.waitFor(() => false, given) : condition.wait(given);
    if (verb === "acquire") {
      void taken.acquire();
      return {
        passes: async (given) => (await free.acquire(given))[Symbol.dispose](),
        fails: (given) => taken.acquire(given),
      };
    }
    return {
      passes: async (given) => {
        if (verb === "waitFor") return await free.run(() => free.waitFor(() => true, given));
        const woken = free.run(() => free.wait(given));
        await free.run(() => free.notify());
        return await woken;
      },
      fails: (given) => free.run<unknown>(() => call(free, given)),
    };
  });
}
rows["Condition.acquireSync"] = () => {
  const condition = new Condition();
  return () => condition.acquireSync(sync)[Symbol.dispose]();
};
rows["Condition.tryAcquire"] = rows["Condition.release"] = () => {
  const condition = new Condition();
  return () => {
    condition.tryAcquire();
    condition.release();
  };
};
rows["Condition.run"] = () => {
  const condition = new Condition();
  return () => condition.run(() => {}, options);
};
rows["Condition.runSync"] =
  rows["Condition.notify"] =
  rows["Condition.notifyAll"] =
    () => {
      const condition = new Condition();
      return () =>
        condition.runSync(() => {
          condition.notify();
          condition.notifyAll();
        }, sync);
    };
rows["Condition.waitSync"] = rows["Condition.waitForSync"] = () => {
  const condition = new Condition();
  return () =>
    condition.runSync(() => {
      failingSync(() => condition.waitSync({ timeout: 0 }));
      condition.waitForSync(() => true, sync);
    });
};
rows["Condition.consistent"] = () => {
  const condition = new Condition();
  condition.acquireSync();
  return () => condition.consistent();
};

for (const [name, make] of Object.entries<() => Lock | RLock | Semaphore | RWLock>({
  Lock: () => new Lock({ fair: true }),
  RLock: () => new RLock(),
  Semaphore: () => new Semaphore(1, { fair: true }),
  BoundedSemaphore: () => new BoundedSemaphore(1),
  RWLock: () => new RWLock({ fair: true }),
})) {
  waits(`${name}.waitForUnlock`, () => {
    const free = make();
    const taken = make();
    if (taken instanceof RWLock) taken.writeSync();
    else taken.acquireSync();
    return { passes: (given) => free.waitForUnlock(given), fails: (given) => taken.waitForUnlock(given) };
  });
  rows[`${name}.waitForUnlockSync`] = () => {
    const lock = make();
    return () => lock.waitForUnlockSync(sync);
  };
  rows[`${name}.cancelWaiters`] = () => {
    const lock = make();
    return async () => {
      const held = lock instanceof RWLock ? lock.writeSync() : lock.acquireSync();
      const ended = (lock instanceof RWLock ? lock.read() : lock.acquire()).catch(() => {});
      lock.cancelWaiters();
      await ended;
      held[Symbol.dispose]();
    };
  };
}

for (const [name, Class] of Object.entries({ Queue, LifoQueue, PriorityQueue })) {
  const make = (given?: object) => new Class<unknown>(given as never) as Queue<unknown>;
  shared(name, () => make());
  waits(`${name}.get`, () => {
    const queue = make();
    const empty = make();
    return {
      passes: async (given) => {
        queue.putSync([1, "item"]);
        return await queue.get(given);
      },
      fails: (given) => empty.get(given),
    };
  });
  rows[`${name}.get, woken`] = () => {
    const queue = make();
    return async () => {
      const item = queue.get(options);
      queue.putSync([1, 2]);
      await item;
    };
  };
  waits(`${name}.put`, () => {
    const queue = make();
    const full = make({ maxSize: 1 });
    full.putSync(1);
    return {
      passes: async (given) => {
        await queue.put([1, "item"], given);
        queue.getSync();
      },
      fails: (given) => full.put(2, given),
    };
  });
  rows[`${name}.putSync`] = rows[`${name}.getSync`] = () => {
    const queue = make();
    return () => {
      queue.putSync([1, "item"], sync);
      queue.getSync(sync);
    };
  };
  rows[`${name}.tryPut`] = rows[`${name}.tryGet`] = () => {
    const queue = make({ maxSize: 1 });
    return () => {
      queue.tryPut([1, "item"]);
      queue.tryPut([1, "item"]);
      queue.tryGet();
      queue.tryGet();
    };
  };
  rows[`${name}.tryPut, dropped`] = () => {
    const queue = make({ maxSize: 1, whenFull: name === "Queue" ? "dropOldest" : "dropNewest" });
    return async () => {
      for (const _ of [1, 2, 3]) queue.putSync([1, "item"]);
      await queue.put([1, "item"]);
      queue.getSync();
    };
  };
  rows[`${name}.peek`] = () => {
    const queue = make();
    queue.putSync([1, "item"]);
    return () => queue.peek();
  };
  waits(`${name}.getUpTo`, () => {
    const queue = make();
    const empty = make();
    return {
      passes: async (given) => {
        for (const value of [1, 2]) queue.putSync([value, "item"]);
        return await queue.getUpTo(2, given);
      },
      fails: (given) => empty.getUpTo(2, given),
    };
  });
  rows[`${name}.getUpToSync`] = rows[`${name}.tryGetUpTo`] = () => {
    const queue = make();
    return () => {
      for (const value of [1, 2, 3, 4]) queue.putSync([value, "item"]);
      queue.getUpToSync(2, sync);
      queue.tryGetUpTo(2);
    };
  };
  waits(`${name}.join`, () => {
    const queue = make();
    const undone = make();
    undone.putSync(1);
    return { passes: (given) => queue.join(given), fails: (given) => undone.join(given) };
  });
  rows[`${name}.joinSync`] = rows[`${name}.taskDone`] = () => {
    const queue = make();
    return () => {
      queue.putSync(1);
      queue.getSync();
      queue.taskDone();
      queue.joinSync(sync);
    };
  };
  rows[`${name}.shutdown`] = () => () => {
    const queue = make();
    queue.putSync(1);
    queue.shutdown({ immediate: true });
    queue.free();
  };
  rows[`${name}.[Symbol.asyncIterator]`] = () => {
    const queue = make();
    return async () => {
      queue.putSync(1);
      for await (const _ of queue) break;
    };
  };
  rows[`${name}.[Symbol.iterator]`] = () => {
    const queue = make();
    return () => {
      queue.putSync(1);
      for (const _ of queue) break;
    };
  };
  rows[`${name}.[selectable]`] = () => {
    const queue = make();
    return async () => {
      queue.putSync(1);
      await select({ queue }, options);
    };
  };
}

const pipe = () => createPipe<Uint8Array | string>();
rows.createPipe = rows["Connection.close"] = () => () => {
  for (const end of pipe()) end.close();
};
rows["createPipe, forgotten"] = () => () => pipe();
rows["Connection.free"] = () => () => {
  for (const end of pipe()) end.free();
};
rows["Connection.[Symbol.dispose]"] = () => () => {
  for (const end of pipe()) end[Symbol.dispose]();
};
rows["Connection.[Symbol.asyncDispose]"] = () => async () => {
  for (const end of pipe()) await end[Symbol.asyncDispose]();
};
rows["Connection.toJSON"] = () => {
  const [end] = pipe();
  return () => JSON.stringify(end);
};
rows["Connection.send"] = () => {
  const [here, there] = pipe();
  return async () => {
    await here.send("text", options);
    there.recvSync();
  };
};
waits("Connection.recv", () => {
  const [here, there] = pipe();
  return {
    passes: async (given) => {
      here.sendSync("text");
      return await there.recv(given);
    },
    fails: (given) => there.recv(given),
  };
});
rows["Connection.poll"] = () => {
  const [, there] = pipe();
  return () => there.poll(noTime);
};
rows["Connection.sendSync"] =
  rows["Connection.recvSync"] =
  rows["Connection.pollSync"] =
    () => {
      const [here, there] = pipe();
      return () => {
        here.sendSync("text", sync);
        there.pollSync(sync);
        there.recvSync(sync);
      };
    };
rows["Connection.trySend"] = rows["Connection.tryRecv"] = () => {
  const [here, there] = pipe();
  return () => {
    here.trySend("text");
    there.tryRecv();
    there.tryRecv();
  };
};
rows["Connection.recvInto"] = rows["Connection.recvIntoSync"] = () => {
  const [here, there] = pipe();
  const target = new Uint8Array(8);
  return async () => {
    here.sendSync(new Uint8Array(8));
    here.sendSync(new Uint8Array(8));
    await there.recvInto(target, options);
    there.recvIntoSync(target, sync);
  };
};
rows["Connection.[selectable]"] = () => {
  const [here, there] = pipe();
  return async () => {
    here.sendSync("text");
    await select({ there }, options);
  };
};
rows["Connection.[Symbol.iterator]"] = rows["Connection.[Symbol.asyncIterator]"] = () => {
  const [here, there] = pipe();
  return async () => {
    here.sendSync("text");
    here.sendSync("text");
    for await (const _ of there) break;
    for (const _ of there) break;
  };
};

shared("Value", () => new Value("int32", 1));
for (const [verb, call] of Object.entries({
  add: (value: Value<number>) => value.add(1),
  sub: (value: Value<number>) => value.sub(1),
  compareExchange: (value: Value<number>) => value.compareExchange(1, 2),
  update: (value: Value<number>) => value.update((n) => n + 1),
})) {
  rows[`Value.${verb}`] = () => {
    const value = new Value("int32", 0);
    return () => call(value);
  };
}

shared("SharedArray", () => new SharedArray("int32", 4));
for (const [verb, call] of Object.entries({
  at: (array: SharedArray<number>) => array.at(1),
  get: (array: SharedArray<number>) => array.get(1),
  set: (array: SharedArray<number>) => array.set(1, 5),
  add: (array: SharedArray<number>) => array.add(1, 1),
  sub: (array: SharedArray<number>) => array.sub(1, 1),
  compareExchange: (array: SharedArray<number>) => array.compareExchange(1, 1, 2),
  update: (array: SharedArray<number>) => array.update(1, (n) => n + 1),
  fill: (array: SharedArray<number>) => array.fill(1),
  toArray: (array: SharedArray<number>) => array.toArray(),
  "[Symbol.iterator]": (array: SharedArray<number>) => [...array],
})) {
  rows[`SharedArray.${verb}`] = () => {
    const array = new SharedArray("int32", 4);
    return () => call(array);
  };
}

shared("SharedList", () => new SharedList<string>());
for (const [verb, call] of Object.entries({
  get: (list: SharedList<string>) => list.get(0),
  set: (list: SharedList<string>) => list.set(0, "another"),
  update: (list: SharedList<string>) => list.update(0, (text) => text),
  push: (list: SharedList<string>) => [list.push("text"), list.pop()],
  pop: (list: SharedList<string>) => [list.push("text"), list.pop()],
  shift: (list: SharedList<string>) => [list.push("text"), list.shift()],
  unshift: (list: SharedList<string>) => [list.unshift("text"), list.shift()],
  splice: (list: SharedList<string>) => list.splice(0, 1, "one"),
  indexOf: (list: SharedList<string>) => list.indexOf("one"),
  clear: (list: SharedList<string>) => [list.clear(), list.push("one")],
  toArray: (list: SharedList<string>) => list.toArray(),
  "[Symbol.iterator]": (list: SharedList<string>) => [...list],
})) {
  rows[`SharedList.${verb}`] = () => {
    const list = new SharedList<string>();
    list.push("one");
    return () => call(list);
  };
}

shared("SharedMap", () => new SharedMap<number>());
let names = 0;
rows["SharedMap.open"] = () => () => SharedMap.open(`left behind ${++names % 7}`).free();
rows["SharedMap.unlink"] = () => () => {
  const map = SharedMap.open(`left behind ${++names % 7}`);
  map.unlink();
  map.free();
};
for (const [verb, call] of Object.entries({
  get: (map: SharedMap<string>) => map.get("a"),
  has: (map: SharedMap<string>) => map.has("a"),
  set: (map: SharedMap<string>) => map.set("a", "another text", { ttl: 5 }),
  delete: (map: SharedMap<string>) => [map.set("b", "text"), map.delete("b")],
  compareAndSet: (map: SharedMap<string>) => map.compareAndSet("a", "text", "text"),
  update: (map: SharedMap<string>) => map.update("a", (text) => text ?? ""),
  clear: (map: SharedMap<string>) => [map.clear(), map.set("a", "text")],
  stats: (map: SharedMap<string>) => map.stats(),
  keys: (map: SharedMap<string>) => [...map.keys()],
  values: (map: SharedMap<string>) => [...map.values()],
  entries: (map: SharedMap<string>) => [...map.entries()],
  "[Symbol.iterator]": (map: SharedMap<string>) => [...map],
})) {
  rows[`SharedMap.${verb}`] = () => {
    const map = new SharedMap<string>();
    map.set("a", "text");
    return () => call(map);
  };
}

shared("SharedMemory", () => new SharedMemory(64));
rows["SharedMemory.close"] = () => () => new SharedMemory(64).close();
rows["SharedMemory.view"] = () => {
  const memory = new SharedMemory(64);
  return () => memory.view("int32");
};
rows["SharedMemory.create"] = rows["SharedMemory.unlink"] = () => () => {
  const memory = SharedMemory.create("left behind", 64);
  memory.unlink();
  memory.close();
};
rows["SharedMemory.openOrCreate"] = rows["SharedMemory.open"] = () => () => {
  const memory = SharedMemory.openOrCreate("left behind", 64);
  SharedMemory.open("left behind").close();
  memory.close();
};

const struct = () => new Struct({ x: "int32", y: "float64" });
shared("Struct", struct);
for (const [verb, call] of Object.entries({
  toObject: (one: ReturnType<typeof struct>) => one.toObject(),
  read: (one: ReturnType<typeof struct>) => one.read(options),
  readSync: (one: ReturnType<typeof struct>) => one.readSync(sync),
  update: (one: ReturnType<typeof struct>) => one.update(({ x }) => ({ x: x + 1 }), options),
  updateSync: (one: ReturnType<typeof struct>) => one.updateSync(({ x }) => ({ x: x + 1 }), sync),
})) {
  rows[`Struct.${verb}`] = () => {
    const one = struct();
    return () => call(one);
  };
}

// Waiting for promises, and groups.
const group = () => new TaskGroup({ signal: longSignal });
Object.assign(rows, {
  gather: () => () => gather([async () => 1, Promise.resolve(2)], { signal: longSignal }),
  "gather, called off": () => () => aborted(({ signal }) => gather([longPromise], { signal })),
  shield: () => () => shield(Promise.resolve(1), { signal: longSignal }),
  "shield, called off": () => () => aborted(({ signal }) => shield(longPromise, { signal })),
  sleep: () => () => sleep(0, { signal: longSignal }),
  "sleep, called off": () => () => aborted(({ signal }) => sleep(100_000, { signal })),
  sleepSync: () => () => sleepSync(0),
  timeout: () => () => timeout(100_000, async () => 1, { signal: longSignal }),
  "timeout, called off": () => () => aborted(({ signal }) => timeout(100_000, () => longPromise, { signal })),
  timeoutAt: () => () => timeoutAt(Date.now() + 100_000, async () => 1, { signal: longSignal }),
  "TimeoutScope.reschedule": () => () => timeout(100_000, (scope) => scope.reschedule(200_000)),
  "TimeoutScope.rescheduleAt": () => () => timeout(100_000, (scope) => scope.rescheduleAt(Date.now() + 200_000)),
  waitFor: () => () => waitFor(Promise.resolve(1), options),
  "waitFor, called off": () => () => aborted((given) => waitFor(longPromise, given)),
  wait: () => () => wait([Promise.resolve(1), longPromise], { returnWhen: "first", ...options }),
  "wait, called off": () => () => aborted((given) => wait([longPromise], given)),
  asCompleted: () => async () => {
    for await (const _ of asCompleted([Promise.resolve(1), longPromise], options)) break;
  },
  after: () => () => select({ never: longPromise, late: after(0) }, options),
  select: () => () => select({ never: longPromise, soon: Promise.resolve(1) }, options),
  "select, called off": () => {
    const event = new Event();
    const queue = new Queue();
    return () => aborted((given) => select({ event, queue, never: longPromise }, given));
  },
  selectSync: () => {
    const queue = new Queue<number>();
    const event = new Event();
    return () => {
      queue.putSync(1);
      selectSync({ event, queue }, sync);
    };
  },
  trySelect: () => {
    const queue = new Queue<number>();
    return () => trySelect({ queue });
  },
  "Choice.map": () => {
    const queue = new Queue<number>();
    const more = { [selectable]: (): Choice<number> => queue[selectable]().map((n) => n + 1) };
    return () => {
      queue.putSync(1);
      return select({ more }, options);
    };
  },
  "new TaskGroup": () => () => group()[Symbol.asyncDispose](),
  "TaskGroup.[Symbol.asyncDispose]": () => () => group()[Symbol.asyncDispose](),
  "TaskGroup.spawn": () => async () => {
    const one = group();
    void one.spawn(async () => 1);
    await one[Symbol.asyncDispose]();
  },
  "TaskGroup.cancel": () => async () => {
    const one = group();
    void one.spawn(untilAborted);
    one.cancel();
    await one[Symbol.asyncDispose]().catch(() => {});
  },
  "TaskGroup.run": () => () => TaskGroup.run((one) => void one.spawn(async () => 1), { signal: longSignal }),
  "new Future": () => () => new Future<number>((resolve) => resolve(1)),
} satisfies Record<string, Row>);

// Pools. Each has one worker, and all rows use the same.
const made: { async?: AsyncPool; auto?: AutoPool; thread?: ThreadPool; process?: ProcessPool } = {};
const poolOf = {
  AsyncPool: (): Pool => (made.async ??= new AsyncPool({ concurrency: 4 })),
  AutoPool: (): Pool => (made.auto ??= new AutoPool({ workers: 1 })),
  ThreadPool: (): Pool => (made.thread ??= new ThreadPool({ workers: 1 })),
  ProcessPool: (): Pool => (made.process ??= new ProcessPool({ workers: 1 })),
};
for (const [name, pool] of Object.entries(poolOf)) {
  const call = { signal: longSignal, timeout: 100_000, retries: 1 };
  Object.assign(rows, {
    [`${name}.submit`]: () => () => pool().with(call).submit(add, 1, 2),
    [`${name}.with`]: () => () => pool().with(call).with({ priority: 1 }).submit(add, 1, 2),
    [`${name}.submit, called off`]: () => async () => {
      const future = pool().with(call).submit(add, 1, 2);
      future.cancel();
      await future.catch(() => {});
    },
    [`${name}.trySubmit`]: () => () => pool().trySubmit(add, 1, 2),
    [`${name}.handle`]: () => () => pool().handle(),
    [`${name}.resize`]: () => () => pool().resize(1),
    [`${name}.stats`]: () => () => pool().stats(),
    [`${name}.pause`]: () => async () => {
      pool().pause();
      const future = pool().submit(add, 1, 2);
      pool().start();
      await future;
    },
    [`${name}.waitForIdle`]: () => () => pool().waitForIdle(options),
    [`${name}.waitForIdle, called off`]: () => async () => {
      pool().pause();
      const future = pool().submit(add, 1, 2);
      await aborted((given) => pool().waitForIdle(given));
      pool().start();
      await future;
    },
    [`${name}.waitForEmpty`]: () => async () => {
      const future = pool().submit(add, 1, 2);
      await pool().waitForEmpty(options);
      await future;
    },
    [`${name}.waitForSizeLessThan`]: () => () => pool().waitForSizeLessThan(1, options),
    [`${name}.start`]: () => () => pool().start(),
    // Where it replaces workers, it is a start, and stands among these.
    ...(name === "AsyncPool" && { [`${name}.recycle`]: () => () => pool().recycle() }),
    [`${name}.clear`]: () => async () => {
      pool().pause();
      const future = pool().with(call).submit(add, 1, 2);
      pool().clear();
      pool().start();
      await future.catch(() => {});
    },
  } satisfies Record<string, Row>);
}
/** Of these a thousand are made: each is a journey of several messages, or looks at all that there is. */
const dear: Record<string, Row> = {
  snapshot: () => () => snapshot(),
  "Snapshot.toString": () => () => String(snapshot()),
  runSync: () => () => runSync(add, 1, 2),
};
for (const [name, pool] of Object.entries(poolOf)) {
  Object.assign(dear, {
    [`${name}.map`]: () => () => pool().with({ signal: longSignal }).map(square, [1, 2]),
    [`${name}.starmap`]: () => () => pool().starmap(add, [[1, 2]]),
    [`${name}.stream`]: () => async () => {
      for await (const _ of pool().stream(square)([1])) break;
    },
    [`${name}.transformStream`]: () => async () => {
      const { readable, writable } = pool().transformStream(square);
      const writer = writable.getWriter();
      const written = writer.write(1).then(() => writer.close());
      for await (const _ of readable);
      await written;
    },
  } satisfies Record<string, Row>);
}
const asyncPool = () => poolOf.AsyncPool() as AsyncPool;
Object.assign(rows, {
  "new AutoPool": () => () => new AutoPool({ workers: 1 }),
  "AutoPool.close": () => async () => {
    const pool = new AutoPool();
    pool.close();
    await pool.join();
  },
  "AutoPool.recycle": () => async () => {
    const pool = new AutoPool();
    pool.recycle();
    pool.close();
    await pool.join();
  },
  "AutoPool.join": () => () => AutoPool.run({}, () => {}),
  "AutoPool.[Symbol.asyncDispose]": () => () => new AutoPool()[Symbol.asyncDispose](),
  "AutoPool.terminate": () => async () => {
    const pool = new AutoPool();
    pool.terminate();
    await pool.join();
  },
  "AutoPool.run": () => () => AutoPool.run({ workers: 1 }, () => 1),
  "new AsyncPool": () => () => new AsyncPool({ concurrency: 1 }),
  "AsyncPool.close": () => async () => {
    const pool = new AsyncPool();
    void pool.submit(() => 1);
    pool.close();
    await pool.join();
  },
  "AsyncPool.join": () => () => AsyncPool.run({}, (pool) => void pool.submit(() => 1)),
  "AsyncPool.[Symbol.asyncDispose]": () => () => new AsyncPool()[Symbol.asyncDispose](),
  "AsyncPool.terminate": () => async () => {
    const pool = new AsyncPool();
    pool.submit(() => longPromise).catch(() => {});
    pool.terminate();
    await pool.join();
  },
  "AsyncPool.run": () => () =>
    AsyncPool.run({ rate: { limit: 10, interval: 1000 } }, async (pool) => await pool.submit(() => 1)),
  "createPool, of this loop": () => () => createPool("async")[Symbol.asyncDispose](),
  "Future.cancel": () => async () => {
    const future = asyncPool().submit(() => longPromise);
    future.cancel();
    await future.catch(() => {});
  },
  "Future.onProgress": () => () =>
    asyncPool()
      .submit(() => currentWorker().progress(1))
      .onProgress(() => {}),
  "Future.[selectable]": () => () => select({ one: asyncPool().submit(() => 1) }, options),
  "CurrentWorker.progress": () => () => asyncPool().submit(() => currentWorker().progress(1)),
  "CurrentWorker.throwIfCancelled": () => () => asyncPool().submit(() => currentWorker().throwIfCancelled()),
  "MapRun.then": () => () =>
    asyncPool()
      .map((n: number) => n, [1])
      .then(() => {}),
  "MapRun.catch": () => () =>
    asyncPool()
      .map((n: number) => n, [1])
      .catch(() => {}),
  "MapRun.finally": () => () =>
    asyncPool()
      .map((n: number) => n, [1])
      .finally(() => {}),
  "MapRun.unordered": () => async () => {
    for await (const _ of asyncPool()
      .map((n: number) => n, [1, 2])
      .unordered());
  },
  "MapRun.settled": () => async () =>
    await asyncPool()
      .map((n: number) => n, [1])
      .settled(),
  "MapRun.onProgress": () => async () =>
    await asyncPool()
      .map((n: number) => n, [1])
      .onProgress(() => {}),
  "MapRun.onNews": () => async () =>
    await asyncPool()
      .map((n: number) => currentWorker().progress(n), [1])
      .onNews(() => {}),
  "MapRun.[Symbol.asyncIterator]": () => async () => {
    for await (const _ of asyncPool().map((n: number) => n, [1, 2, 3])) break;
  },
  "MapRun.cancel": () => async () => {
    const run = asyncPool().map(() => longPromise, [1]);
    const ended = run.then(
      () => {},
      () => {},
    );
    run.cancel();
    await ended;
  },
  toThread: () => () => toThread(add, 1, 2),
} satisfies Record<string, Row>);

// Served objects. Of the thread that serves them too: a call is a message to the thread itself.
const served = () => {
  const one = serve({ add: (a: number, b: number) => a + b, forever: () => untilAborted(currentWorker().signal) });
  lasting.push(one);
  return one;
};
/** What is served keeps the program alive until it is disposed of. */
const lasting: Disposable[] = [];
Object.assign(rows, {
  serve: () => () => serve({})[Symbol.dispose](),
  "Served.[Symbol.dispose]": () => () => serve({})[Symbol.dispose](),
  "Served.call": () => {
    const one = served();
    return () => one.call("add", 1, 2);
  },
  "Served.with": () => {
    const one = served();
    return () => one.with(options).call("add", 1, 2);
  },
  "Served.call, called off": () => {
    const one = served();
    return () => aborted((given) => one.with(given).call("forever"));
  },
  "PoolHandle.submit": () => {
    const handle = poolOf.ThreadPool().handle();
    return () => handle.submit(add, 1, 2);
  },
  "PoolHandle.with": () => {
    const handle = poolOf.ThreadPool().handle();
    return () => handle.with(options).submit(add, 1, 2);
  },
} satisfies Record<string, Row>);

class Point {
  x = 1;
}
Object.assign(rows, {
  pack: () => {
    const lock = new Lock();
    return () => unpack(structuredClone(pack({ lock, text: "text" })));
  },
  unpack: () => () => {
    // Who packs an object keeps it until it is freed.
    const event = new Event();
    unpack(structuredClone(pack([event, 1])));
    event.free();
  },
  transfer: () => () => transfer(new ArrayBuffer(8)),
  taskModule: () => () =>
    taskModule<typeof import("../fixtures/pool-tasks.js")>(new URL("../fixtures/pool-tasks.js", import.meta.url))
      .square,
  sendable: () => () => sendable(import.meta, Point),
  allowModules: () => () => allowModules(new URL("../fixtures/pool-tasks.js", import.meta.url)),
  isMain: () => () => isMain(import.meta),
  isAllcoresError: () => () => isAllcoresError(new Error("none")),
  activeWorkers: () => () => activeWorkers(),
  cpuCount: () => () => cpuCount(),
  currentWorker: () => () => currentWorker(),
  detectDeadlocks: () => () => detectDeadlocks({ print: false }),
  dumpOnSignal: () => () => dumpOnSignal("SIGUSR2")[Symbol.dispose](),
  onDeadlock: () => () => onDeadlock(() => {})[Symbol.dispose](),
  setUncaughtHook: () => () => setUncaughtHook(setUncaughtHook()),
  "new WorkerLocal": () => () => new WorkerLocal(() => ({})).value,
  "WorkerLocal.clear": () => {
    const local = new WorkerLocal(() => ({}));
    return () => [local.value, local.clear()];
  },
} satisfies Record<string, Row>);

export const calls: Readonly<Record<string, Row>> = rows;
export const dearCalls: Readonly<Record<string, Row>> = dear;

/** Ends what keeps the program alive. */
export async function endAll(): Promise<void> {
  for (const one of lasting) one[Symbol.dispose]();
  for (const pool of Object.values(made)) await pool[Symbol.asyncDispose]();
}
