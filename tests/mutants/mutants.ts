import type { Mutant } from "./mutant.js";

export const mutants: readonly Mutant[] = [
  {
    name: "lock: a release wakes nobody",
    file: "sync/owner-word.ts",
    from: "while (this.heap.waitQueue.wake(this.at, 1) === 0) {",
    to: "while (false) {",
    models: ["lock: two blocking"],
  },
  {
    name: "lock: a waiter does not say that it waits",
    file: "sync/owner-word.ts",
    from: "let wanted = word | CONTENDED;",
    to: "let wanted = word;",
    models: ["lock: two blocking"],
  },
  {
    name: "lock: a waiter that takes the lock forgets that others wait",
    file: "sync/owner-word.ts",
    from: "const taken = this.#take(word, CONTENDED);",
    to: "const taken = this.#take(word & ~CONTENDED, 0);",
    models: ["lock: three callers"],
  },
  {
    name: "lock: it is taken without looking whether it still is free",
    file: "sync/owner-word.ts",
    from: "if (compareExchange(this.words, this.at, word, this.#owned | contended | (word & CONTENDED)) !== word) return undefined;",
    to: "atomics.store(this.words, this.at, this.#owned | contended | (word & CONTENDED));",
    models: ["lock: three callers"],
  },
  {
    name: "lock: a dead owner keeps it",
    file: "sync/owner-word.ts",
    from: "if (!keepOut && (owner === 0 || !this.heap.registry.isAlive(owner))) {",
    to: "if (!keepOut && owner === 0) {",
    models: ["lock: the lock of a dead owner"],
  },
  {
    name: "parker: a blocking caller attempts before it arms its node",
    file: "memory/parker.ts",
    from: "    waitQueue.arm(node, key, BLOCKING);\n    let grants = 0;\n    try {\n      let result = attempt(false);",
    to: "    let result = attempt(false);\n    waitQueue.arm(node, key, BLOCKING);\n    let grants = 0;\n    try {",
    models: ["event: set wakes a blocking caller"],
  },
  {
    name: "parker: a blocking caller does not look again before it sleeps",
    file: "memory/parker.ts",
    from: "if (!waitQueue.hasGrant(node)) heap.sleep(",
    to: "heap.sleep(",
    models: ["event: set wakes a blocking caller"],
  },
  {
    name: "parker: a blocking caller that gives up keeps its grant",
    file: "memory/parker.ts",
    from: "if (waitQueue.withdraw(node) || grants > 0) waitQueue.wake(key, 1);",
    to: "waitQueue.withdraw(node);",
    models: ["condition: a waiter that gives up"],
  },
  {
    name: "parker: an awaiting caller that is aborted keeps its grant",
    file: "memory/parker.ts",
    from: "if (this.#leave(awaited, waiter)) this.#heap.waitQueue.wake(key, 1);\n        waiter.fail(signal?.reason);",
    to: "this.#leave(awaited, waiter);\n        waiter.fail(signal?.reason);",
    models: ["lock: a caller whose signal"],
  },
  {
    name: "parker: the doorbell is cleared after the nodes are read",
    file: "memory/parker.ts",
    from: `    store(words, record + RECORD.doorbell, 0);
    for (const queues of [...this.#awaited.values()]) {
      for (const awaited of [...queues]) {
        let grants = waitQueue.useGrants(awaited.node);
        for (const waiter of awaited.waiters) {
          if (grants-- <= 0) break;
          this.#attempt(awaited, waiter, true);
        }
      }
    }`,
    to: `    for (const queues of [...this.#awaited.values()]) {
      for (const awaited of [...queues]) {
        let grants = waitQueue.useGrants(awaited.node);
        for (const waiter of awaited.waiters) {
          if (grants-- <= 0) break;
          this.#attempt(awaited, waiter, true);
        }
      }
    }
    store(words, record + RECORD.doorbell, 0);`,
    models: ["wait-queue: two wake-ups reach two callers of one node"],
  },
  {
    name: "wait queue: a grant is given by a store, not by a CAS",
    file: "memory/wait-queue.ts",
    from: "      const seen = compareExchange(words, node + NODE.state, state, state + given);\n      if (seen === state) {",
    to: "      let seen = state;\n      store(words, node + NODE.state, state + given);\n      if (seen === state) {",
    models: ["wait-queue: an awaiting caller is aborted", "lock: a caller whose signal"],
  },
  {
    name: "wait queue: whoever withdraws leaves a grant that came late to nobody",
    file: "memory/wait-queue.ts",
    from: "const won = grantedIn(state) === wantedIn(state);",
    to: "const won = false;",
    models: ["wait-queue: an awaiting caller is aborted", "lock: a caller whose signal"],
  },
  {
    name: "wait queue: a dead worker's grants are not passed on",
    file: "memory/wait-queue.ts",
    from: "if (grantedIn(state) > 0) this.wake(words[node + NODE.key]!, grantedIn(state));",
    to: "",
    models: ["wait-queue: a wake-up for a dead waiter"],
  },
  {
    name: "wait queue: the key of a node is set after the node is armed",
    file: "memory/wait-queue.ts",
    from: `      words[node + NODE.key] = key;
      words[node + NODE.ticket] = add(words, HEADER.ticket, 1);
      words[node + NODE.kind] = kind;
      store(words, node + NODE.state, ((state + SEQUENCE_ONE) & ~(SEQUENCE_ONE - 1)) | WANTED_ONE);
      return;`,
    to: `      words[node + NODE.ticket] = add(words, HEADER.ticket, 1);
      words[node + NODE.kind] = kind;
      store(words, node + NODE.state, ((state + SEQUENCE_ONE) & ~(SEQUENCE_ONE - 1)) | WANTED_ONE);
      words[node + NODE.key] = key;
      return;`,
    models: ["condition: a waiter that gives up"],
  },
  {
    name: "mutex: whoever takes over from the dead is not told",
    file: "memory/mutex.ts",
    from: "if (compareExchange(words, at, holder, self) === holder) return true;",
    to: "if (compareExchange(words, at, holder, self) === holder) return false;",
    models: ["mutex: a holder dies inside"],
  },
  {
    name: "mutex: it is entered by a look and a store",
    file: "memory/mutex.ts",
    from: "return compareExchange(heap.words, at, 0, heap.self) === 0 ? false : enterSlow(heap, at);",
    to: "if (load(heap.words, at) !== 0) return enterSlow(heap, at);\n  store(heap.words, at, heap.self);\n  return false;",
    models: ["mutex: two callers"],
  },
  {
    name: "mutex: it is taken from the dead by a store",
    file: "memory/mutex.ts",
    from: "if (compareExchange(words, at, holder, self) === holder) return true;",
    to: "store(words, at, self);\n      return true;",
    models: ["mutex: of two who find"],
  },
  {
    name: "registry: two sweepers at once",
    file: "memory/registry.ts",
    from: "    if (compareExchange(words, record + RECORD.sweeper, sweeper, self) !== sweeper) return;\n",
    to: "",
    models: ["registry: two sweepers"],
  },
  {
    name: "registry: a sweeper that dies leaves the record for ever",
    file: "memory/registry.ts",
    from: "if (sweeper !== 0 && (sweeper === self || this.#isRunning(sweeper))) return;",
    to: "if (sweeper !== 0) return;",
    models: ["registry: a sweeper dies"],
  },
  {
    name: "registry: the record is not looked at again once the sweep is claimed",
    file: "memory/registry.ts",
    from: "    if (load(words, record + RECORD.state) === isDead) {\n      heap.waitQueue",
    to: "    if (true) {\n      heap.waitQueue",
    models: ["registry: a newcomer in the slot"],
  },
  {
    name: "registry: two newcomers may claim one slot",
    file: "memory/registry.ts",
    from: "if (compareExchange(words, record + RECORD.state, vacant, stateWord(id, CLAIMED)) !== vacant) continue;",
    to: "store(words, record + RECORD.state, stateWord(id, CLAIMED));",
    models: ["registry: two newcomers"],
  },
  {
    name: "allocator: a death inside the guard is not made good",
    file: "memory/allocator.ts",
    from: "if (died) this.#rebuild();",
    to: "",
    models: ["allocator: a worker dies while it allocates or frees, "],
  },
  {
    name: "allocator: the rebuild keeps what was listed",
    file: "memory/allocator.ts",
    from: "    this.#heap.words.fill(0, HEADER.freeBlocks, HEADER.freeBlocks + CLASSES);\n",
    to: "",
    models: ["allocator: a worker dies while it allocates or frees, "],
  },
  {
    name: "allocator: the drafts of a dead worker stay",
    file: "memory/allocator.ts",
    from: "this.#free(header + BLOCK_HEADER_WORDS);\n      });",
    to: "{\n      }});",
    models: ["allocator: a worker dies while it makes new blocks"],
  },
  {
    name: "allocator: an extent is LIVE before it is unused",
    file: "memory/allocator.ts",
    from: "    store(words, block + EXTENT.used, 0);\n    store(words, header + BLOCK.state, (words[header + BLOCK.state]! & ~STATE_MASK) | LIVE);",
    to: "    store(words, header + BLOCK.state, (words[header + BLOCK.state]! & ~STATE_MASK) | LIVE);\n    store(words, block + EXTENT.used, 0);",
    models: ["allocator: a worker dies while it allocates or frees an extent"],
  },
  {
    name: "references: a lent handle revives what its last holder is destroying",
    file: "memory/allocator.ts",
    from: "for (let count = load(words, word); count > 0; ) {",
    to: "for (let count = load(words, word); count >= 0; ) {",
    models: ["references: a lent handle arrives while"],
  },
  {
    name: "references: a lent handle holds whatever stands in its place",
    file: "memory/allocator.ts",
    from: "if (!this.isLive(at, kind, generation)) return false;",
    to: "if (!this.isLive(at, kind, this.generationOf(at))) return false;",
    models: ["references: a lent handle arrives as a newcomer"],
  },
  {
    name: "references: holders are counted in two steps",
    file: "memory/allocator.ts",
    from: "return sub(this.#heap.words, at - BLOCK_HEADER_WORDS + BLOCK.references, 1) === 1;",
    to: "const { words } = this.#heap;\n    const left = load(words, at - BLOCK_HEADER_WORDS + BLOCK.references) - 1;\n    store(words, at - BLOCK_HEADER_WORDS + BLOCK.references, left);\n    return left === 0;",
    models: ["references: the last one to let go"],
  },
  {
    name: "pipe: a message is committed before it is written",
    file: "channels/ring-writer.ts",
    from: "    const record = this.#at + RING.records + place;\n",
    to: "    const record = this.#at + RING.records + place;\n    store(words, this.#at + RING.tail, place + size);\n",
    models: ["pipe: messages arrive"],
  },
  {
    name: "pipe: a message wakes nobody",
    file: "channels/ring-writer.ts",
    from: "    rouse(this.#heap, words, this.#at + RING.readerWaits);\n",
    to: "",
    models: ["pipe: messages arrive"],
  },
  {
    name: "pipe: room wakes nobody",
    file: "channels/ring-reader.ts",
    from: "    rouse(this.#heap, words, this.#at + RING.writerWaits);\n",
    to: "",
    models: ["pipe: a full pipe: a blocking"],
  },
  {
    name: "pipe: a receiver looks before it says that it waits",
    file: "channels/connection.ts",
    from: "    reader.raiseFlag();\n    return this.#end.isPeerGone || !reader.isEmpty;",
    to: "    if (this.#end.isPeerGone || !reader.isEmpty) return true;\n    reader.raiseFlag();\n    return false;",
    models: ["pipe: messages arrive"],
  },
  {
    name: "pipe: a sender looks before it says that it waits",
    file: "channels/connection.ts",
    from: "      writer.raiseFlag();\n      return this.#flush(writer, item) || undefined;",
    to: "      writer.raiseFlag();\n      return undefined;",
    models: ["pipe: a full pipe: a blocking"],
  },
  {
    name: "pipe: whoever leaves the line tells nobody",
    file: "channels/connection.ts",
    from: "if (this.#receivers.delete(place) && this.#receivers.size > 0) this.heap.waitQueue.wake(key, EVERYBODY);",
    to: "this.#receivers.delete(place); void key;",
    models: ["pipe: receivers of one end", "pipe: a receive whose time"],
  },
  {
    name: "pipe: the end of the file is seen before the last message",
    file: "channels/connection.ts",
    from: '      if (reader.isEmpty) this.#throwClosed("recv");\n    }\n    return take(reader);',
    to: '      this.#throwClosed("recv");\n    }\n    return take(reader);',
    models: ["pipe: the end of the file comes"],
  },
  {
    name: "pipe: closing wakes nobody",
    file: "channels/pipe-end.ts",
    from: "rouseAll(heap, pipe + PIPE.ring + ring * RING_WORDS);",
    to: "void ring;",
    models: ["pipe: closing wakes", "pipe: the end of the file wakes"],
  },
  {
    name: "pipe: a dead worker's end is open for ever",
    file: "channels/pipe-end.ts",
    from: "if (owner > 0) return !this.#heap.registry.isAlive(owner);",
    to: "if (owner > 0) return false;",
    models: ["pipe: a sender that dies", "pipe: a receiver that dies"],
  },
  {
    name: "pipe: an end whose carrier died is on its way for ever",
    file: "channels/pipe-end.ts",
    from: "return owner === GONE || this.#isLostOnItsWay(owner);",
    to: "return owner === GONE;",
    models: ["pipe: an end that a dying"],
  },
  {
    name: "queue: the state is committed before the record is written",
    file: "channels/queue.ts",
    from: "    const next = this.#draft(live);\n    let chunk = words[next + STATE.tailChunk]!;\n    let tail = words[next + STATE.tail]!;\n    // Another",
    to: `    const next = this.#draft(live);
    let chunk = words[next + STATE.tailChunk]!;
    let tail = words[next + STATE.tail]!;
    if (!("block" in item) && tail + 1 + ((item.length + 3) >> 2) < heap.allocator.sizeOfBlock(chunk)) {
      words[next + STATE.tail] = tail + 1 + ((item.length + 3) >> 2);
      words[next + STATE.size]!++;
      words[next + STATE.bytes]! += item.length;
      words[next + STATE.unfinished]!++;
      this.#commit(next);
      heap.words[chunk + tail] = item.length;
      item.writeTo(heap.bytes, (chunk + tail + 1) * 4);
      return APPENDED;
    }
    // Another`,
    models: ["queue: what a dead producer"],
  },
  {
    name: "queue: an item wakes no getter",
    file: "channels/queue.ts",
    from: "if (result === APPENDED) this.wake(this.at + QUEUE.gettersWait, 1, QUEUE.gettersWait);",
    to: "",
    models: ["queue: a producer and a consumer"],
  },
  {
    name: "queue: room wakes no putter",
    file: "channels/queue.ts",
    from: "    this.wake(this.at + QUEUE.puttersWait, 1, QUEUE.puttersWait);\n    return taken;",
    to: "    return taken;",
    models: ["queue: a producer waits for room"],
  },
  {
    name: "queue: a getter does not say that it waits",
    file: "channels/queue.ts",
    from: "      this.expectWake(QUEUE.gettersWait);\n",
    to: "",
    models: ["queue: a producer and a consumer"],
  },
  {
    name: "queue: shutdown wakes no getter",
    file: "channels/queue.ts",
    from: "    waitQueue.wake(this.at + QUEUE.gettersWait, EVERYBODY);\n",
    to: "",
    models: ["queue: shutdown ends a blocking"],
  },
  {
    name: "queue: the last taskDone wakes nobody who joins",
    file: "channels/queue.ts",
    from: "if (left === 0) this.wake(this.at + QUEUE.joinersWait, EVERYBODY, QUEUE.joinersWait);",
    to: "",
    models: ["queue: join waits"],
  },
  {
    name: "queue: a stored item stays a draft of its producer",
    file: "channels/queue.ts",
    from: "      heap.allocator.publish(item.block);\n",
    to: "",
    models: ["queue: a large item of a dead producer"],
  },
  {
    name: "monitor: the flag goes down before the waiters are looked for",
    file: "sync/monitor.ts",
    from: "    const woken = waitQueue.wake(key, count);\n    if (woken < count) {\n      this.inside(() => {\n        if (waitQueue.countWaiters(key) === 0) store(this.words, this.at + flag, 0);\n      });\n    }",
    to: "    const woken = waitQueue.wake(key, count);\n    if (woken < count) store(this.words, this.at + flag, 0);",
    models: ["queue: a blocking get gives up"],
  },
  {
    name: "monitor: after a death inside nothing is rebuilt",
    file: "sync/monitor.ts",
    from: "if (died) this.rebuild();",
    to: "",
    models: ["semaphore: a holder dies"],
  },
  {
    name: "event: set wakes one of those who wait",
    file: "sync/event.ts",
    from: "this.heap.waitQueue.wake(this.at, EVERYBODY);",
    to: "this.heap.waitQueue.wake(this.at, 1);",
    models: ["event: set wakes everybody"],
  },
  {
    name: "event: set wakes nobody",
    file: "sync/event.ts",
    from: "    this.heap.waitQueue.wake(this.at, EVERYBODY);\n",
    to: "",
    models: ["event: set wakes a blocking"],
  },
  {
    name: "condition: the lock is given up before the node is armed",
    file: "sync/condition.ts",
    from: "    const suspension = this.#suspension();\n    try {\n      return this.heap.parker.blockUntil(",
    to: "    const suspension = this.#suspension();\n    suspension.attempt(false);\n    try {\n      return this.heap.parker.blockUntil(",
    models: ["condition: a notification"],
  },
  {
    name: "condition: notify wakes one, however many are asked for",
    file: "sync/condition.ts",
    from: "this.heap.waitQueue.wake(this.at, n);",
    to: "this.heap.waitQueue.wake(this.at, 1);",
    models: ["condition: two waiters"],
  },
  {
    name: "semaphore: permits that come back wake nobody",
    file: "sync/semaphore.ts",
    from: "if (returned) this.wake(this.at, 1);",
    to: "",
    models: ["semaphore: one at a time"],
  },
  {
    name: "semaphore: a release of several wakes one",
    file: "sync/semaphore.ts",
    from: "    this.wake(this.at, n);\n",
    to: "    this.wake(this.at, 1);\n",
    models: ["semaphore: two permits at once"],
  },
  {
    name: "semaphore: a dead worker's permits do not come back",
    file: "sync/semaphore.ts",
    from: "        if (words[at + SEMAPHORE.free]! <= 0) ownerDied = this.#reclaim();\n        const keepOut",
    to: "        const keepOut",
    models: ["semaphore: a holder dies"],
  },
  {
    name: "hold table: the dead keep what they hold",
    file: "sync/hold-table.ts",
    from: "      store(words, cell + COUNT, 0);\n      store(words, cell + WORKER, 0);",
    to: "",
    models: ["semaphore: a holder dies"],
  },
  {
    name: "barrier: the last party wakes nobody",
    file: "sync/barrier.ts",
    from: "      this.#endRound(false);\n      return false;\n    });\n    this.heap.waitQueue.wake(this.at, EVERYBODY);",
    to: "      this.#endRound(false);\n      return false;\n    });",
    models: ["barrier: two parties, two rounds"],
  },
  {
    name: "barrier: who gives up does not break it",
    file: "sync/barrier.ts",
    from: "if (visit.round === undefined || this.words[this.at + BARRIER.round] !== visit.round) return",
    to: "return",
    models: ["barrier: a party whose time runs out breaks it for both"],
  },
  {
    name: "barrier: the next round begins with the parties of the last one",
    file: "sync/barrier.ts",
    from: "    words[at + BARRIER.arrived] = 0;\n",
    to: "",
    models: ["barrier: two parties, two rounds"],
  },
  {
    name: "barrier: a round is complete one party too early",
    file: "sync/barrier.ts",
    from: "visit.completes = visit.index + 1 === words[at + BARRIER.parties];",
    to: "visit.completes = visit.index + 2 >= words[at + BARRIER.parties]!;",
    models: ["barrier: three parties"],
  },
  {
    name: "rwlock: a writer does not look for readers",
    file: "sync/rwlock.ts",
    from: "      if (words[at + RWLOCK.readers] !== 0) return undefined;\n",
    to: "",
    models: ["rwlock: a reader and a writer"],
  },
  {
    name: "rwlock: the last reader wakes no writer",
    file: "sync/rwlock.ts",
    from: "if (last) this.wake(this.at + RWLOCK.writersWait, 1, RWLOCK.writersWait);",
    to: "",
    models: ["rwlock: a reader and a writer"],
  },
  {
    name: "rwlock: a writer wakes no writer when no reader waits",
    file: "sync/rwlock.ts",
    from: "if (this.wake(this.at + RWLOCK.readersWait, EVERYBODY, RWLOCK.readersWait) === 0) this.wake(this.at + RWLOCK.writersWait, 1, RWLOCK.writersWait);",
    to: "this.wake(this.at + RWLOCK.readersWait, EVERYBODY, RWLOCK.readersWait);",
    models: ["rwlock: two writers"],
  },
  {
    name: "rwlock: a writer that gives up leaves the readers waiting that it held back",
    file: "sync/rwlock.ts",
    from: "    this.#writerLeft();\n    return this.#timedOut",
    to: "    return this.#timedOut",
    models: ["rwlock: a writer gives up"],
  },
];
