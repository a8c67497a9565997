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
    from: "if (compareExchange(this.words, this.at, word, this.#owned | contended | (word & CONTENDED) | mark) !== word) return undefined;",
    to: "atomics.store(this.words, this.at, this.#owned | contended | (word & CONTENDED) | mark);",
    models: ["lock: three callers"],
  },
  {
    name: "lock: taking it from a dead owner leaves no mark",
    file: "sync/owner-word.ts",
    from: "const mark = owner === 0 ? word & INCONSISTENT : INCONSISTENT;",
    to: "const mark = word & INCONSISTENT;",
    models: ["lock: a dead owner's mark outlives an heir"],
  },
  {
    name: "lock: a release takes the mark away",
    file: "sync/owner-word.ts",
    from: "#freeFrom(word: number, mark = word & INCONSISTENT): boolean {",
    to: "#freeFrom(word: number, mark = 0): boolean {",
    models: ["lock: a dead owner's mark outlives an heir"],
  },
  {
    name: "lock: consistent() leaves the mark",
    file: "sync/owner-word.ts",
    from: "word & ~INCONSISTENT) === word) return;\n        continue;",
    to: "word) === word) return;\n        continue;",
    models: ["lock: nobody is told of a dead owner any more"],
  },
  {
    name: "lock: a death that is an error lets an heir in",
    file: "sync/owner-word.ts",
    from: "if (mark !== 0 && this.words[this.at + FAILS] === 1) this.#fail(word);",
    to: "",
    models: ["lock: after the death of an owner that is an error, nobody enters"],
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
    file: "parking/parker.ts",
    from: "    waitQueue.arm(node, key, BLOCKING);\n    let watch",
    to: "    const first = attempt;\n    const early = first(false);\n    attempt = (granted) => early ?? (granted ? first(true) : undefined);\n    waitQueue.arm(node, key, BLOCKING);\n    let watch",
    models: ["event: set wakes a blocking caller"],
  },
  {
    name: "parker: a blocking caller does not look again before it sleeps",
    file: "parking/parker.ts",
    from: "if (!look.hasGrant(node) && load(words, HEADER.deaths) === deaths) heap.sleep(",
    to: "if (load(words, HEADER.deaths) === deaths) heap.sleep(",
    models: ["event: set wakes a blocking caller"],
  },
  {
    name: "parker: a blocking caller that gives up keeps its grant",
    file: "parking/parker.ts",
    from: "      waitQueue.withdraw(node);\n      waitQueue.passOnPending(node);",
    to: "      if (waitQueue.withdraw(node)) waitQueue.putDown(node);",
    models: ["condition: a waiter that gives up"],
  },
  {
    name: "parker: an awaiting caller that is aborted keeps its grant",
    file: "parking/parker.ts",
    from: "if (this.#leave(awaited, waiter)) this.#passOn(awaited);\n        waiter.fail(signal?.reason);",
    to: "if (this.#leave(awaited, waiter)) this.#putDown(awaited);\n        waiter.fail(signal?.reason);",
    models: ["lock: a caller whose signal"],
  },
  {
    name: "parker: the doorbell is cleared after the nodes are read",
    file: "parking/parker.ts",
    from: `    store(words, record + RECORD.doorbell, 0);
    for (const queues of [...this.#awaited.values()]) {
      for (const awaited of [...queues]) {
        let grants = waitQueue.useGrants(awaited.node);
        any ||= grants > 0;
        for (const waiter of awaited.waiters) {
          if (grants <= 0) break;
          grants--;
          this.#attempt(awaited, waiter, true);
        }
        // A waiter that stood here twice has left both places.
        if (grants > 0) waitQueue.wake(awaited.key, grants);
        waitQueue.putDown(awaited.node, grants);
      }
    }
    return any;`,
    to: `    for (const queues of [...this.#awaited.values()]) {
      for (const awaited of [...queues]) {
        let grants = waitQueue.useGrants(awaited.node);
        any ||= grants > 0;
        for (const waiter of awaited.waiters) {
          if (grants <= 0) break;
          grants--;
          this.#attempt(awaited, waiter, true);
        }
        // A waiter that stood here twice has left both places.
        if (grants > 0) waitQueue.wake(awaited.key, grants);
      }
    }
    store(words, record + RECORD.doorbell, 0);
    return any;`,
    models: ["wait-queue: two wake-ups reach two callers of one node"],
  },
  {
    name: "wait queue: a grant is given by a store, not by a CAS",
    file: "parking/wait-queue.ts",
    from: "      const seen = compareExchange(words, node + NODE.state, state, state + given);\n      if (seen === state) {",
    to: "      let seen = state;\n      store(words, node + NODE.state, state + given);\n      if (seen === state) {",
    models: ["wait-queue: an awaiting caller is aborted", "lock: a caller whose signal"],
  },
  {
    name: "wait queue: whoever withdraws leaves a grant that came late to nobody",
    file: "parking/wait-queue.ts",
    from: "const won = grantedIn(state) === wantedIn(state);",
    to: "const won = false;",
    models: ["wait-queue: an awaiting caller is aborted", "lock: a caller whose signal"],
  },
  {
    name: "wait queue: a dead worker's grants are not passed on",
    file: "parking/wait-queue.ts",
    from: "const owed = grantedIn(state) + (words[node + NODE.kind]! >>> 1);",
    to: "const owed = words[node + NODE.kind]! >>> 1;",
    models: ["wait-queue: a wake-up for a dead waiter"],
  },
  {
    name: "wait queue: what a dead worker had in its hands is not passed on",
    file: "parking/wait-queue.ts",
    from: "const owed = grantedIn(state) + (words[node + NODE.kind]! >>> 1);",
    to: "const owed = grantedIn(state);",
    models: ["wait-queue: a wake-up that a dying caller", "wait-queue: a wake-up that a caller takes along"],
  },
  {
    name: "wait queue: a grant is in hand only after it has left the state",
    file: "parking/wait-queue.ts",
    from: "      words[node + NODE.kind] = kind + granted * PENDING_ONE;\n      const seen = compareExchange(words, node + NODE.state, state, state - granted);\n",
    to: "      const seen = compareExchange(words, node + NODE.state, state, state - granted);\n      if (seen === state) words[node + NODE.kind] = kind + granted * PENDING_ONE;\n",
    models: ["wait-queue: a wake-up that a dying caller"],
  },
  {
    name: "wait queue: a grant that is withdrawn is in hand only afterwards",
    file: "parking/wait-queue.ts",
    from: `      if (won !== counted) words[node + NODE.kind] = won ? kind + PENDING_ONE : kind;
      counted = won;
      const seen = compareExchange(words, node + NODE.state, state, state - WANTED_ONE - (won ? 1 : 0));
`,
    to: `      counted = won;
      const seen = compareExchange(words, node + NODE.state, state, state - WANTED_ONE - (won ? 1 : 0));
      if (seen === state && counted) words[node + NODE.kind] = kind + PENDING_ONE;
`,
    models: ["wait-queue: a wake-up that a caller takes along"],
  },
  {
    name: "parker: a wake-up is put down before it has been of avail",
    file: "parking/parker.ts",
    from: "        result = timed(true);\n        waitQueue.putDown(node);\n",
    to: "        waitQueue.putDown(node);\n        result = timed(true);\n",
    models: ["wait-queue: a wake-up that a dying caller"],
  },
  {
    name: "wait queue: the key of a node is set after the node is armed",
    file: "parking/wait-queue.ts",
    from: `      words[node + NODE.key] = key;
      words[node + NODE.ticket] = add(words, HEADER.ticket, 1);
      // A wake-up that this node's last waiter has pending stays there: the key is the same then.
      words[node + NODE.kind] = (words[node + NODE.kind]! & ~KIND_MASK) | kind;
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
    from: "if (compareExchange(words, at, word, mine | (word & SLEEPERS)) === word) return true;",
    to: "if (compareExchange(words, at, word, mine | (word & SLEEPERS)) === word) return false;",
    models: ["mutex: a holder dies inside"],
  },
  {
    name: "mutex: it is entered by a look and a store",
    file: "memory/mutex.ts",
    from: "return compareExchange(heap.words, at, 0, heap.self) === 0 ? false : enterSlow(heap, at);",
    to: "if (load(heap.words, at) !== 0) return enterSlow(heap, at);\n  exchange(heap.words, at, heap.self);\n  return false;",
    models: ["mutex: two callers"],
  },
  {
    name: "mutex: it is taken from the dead by a store",
    file: "memory/mutex.ts",
    from: "if (compareExchange(words, at, word, mine | (word & SLEEPERS)) === word) return true;",
    to: "exchange(words, at, mine | (word & SLEEPERS));\n      return true;",
    models: ["mutex: of two who find"],
  },
  {
    name: "mutex: leaving wakes nobody",
    file: "memory/mutex.ts",
    from: "  if (exchange(heap.words, at, 0) >= 0) return false;\n  heap.wakeSleeper(at);\n",
    to: "  if (exchange(heap.words, at, 0) >= 0) return false;\n",
    models: ["mutex: two callers"],
  },
  {
    name: "mutex: who has slept forgets that others may sleep",
    file: "memory/mutex.ts",
    from: "    mine = self | SLEEPERS;\n",
    to: "",
    models: ["mutex: three callers"],
  },
  {
    name: "registry: two sweepers at once",
    file: "parking/registry.ts",
    from: "    return compareExchange(words, record + RECORD.sweeper, sweeper, self) === sweeper;\n",
    to: "    return true;\n",
    models: ["registry: two sweepers"],
  },
  {
    name: "registry: a sweeper that dies leaves the record for ever",
    file: "parking/registry.ts",
    from: "if (sweeper !== 0 && (sweeper === self || this.#isRunning(sweeper))) return false;",
    to: "if (sweeper !== 0) return false;",
    models: ["registry: a sweeper dies"],
  },
  {
    name: "registry: the record is not looked at again once the sweep is claimed",
    file: "parking/registry.ts",
    from: "    if (load(words, record + RECORD.state) === isDead) {\n      // Until",
    to: "    if (true) {\n      // Until",
    models: ["registry: a newcomer in the slot"],
  },
  {
    name: "registry: two newcomers may claim one slot",
    file: "parking/registry.ts",
    from: "if (compareExchange(words, record + RECORD.state, vacant, stateWord(id, CLAIMED)) !== vacant) continue;",
    to: "store(words, record + RECORD.state, stateWord(id, CLAIMED));",
    models: ["registry: two newcomers"],
  },
  {
    name: "parker: a blocking caller sleeps on although all were told of a death since its last attempt",
    file: "parking/parker.ts",
    from: "if (!look.hasGrant(node) && load(words, HEADER.deaths) === deaths) heap.sleep(",
    to: "if (!look.hasGrant(node)) heap.sleep(",
    models: ["registry: a look finds a death, and a blocking"],
  },
  {
    name: "parker: a loop that was rung without a grant does not attempt",
    file: "parking/parker.ts",
    from: "if (!this.#drain()) this.#attemptAll();",
    to: "this.#drain();",
    models: ["registry: a look finds a death, and an awaiting"],
  },
  {
    name: "registry: who finds a death tells nobody",
    file: "parking/registry.ts",
    from: "if (found) this.#heap.waitQueue.rouseAll();",
    to: "",
    models: ["registry: a look finds a death"],
  },
  {
    name: "registry: the waiters are rung before the deaths are counted",
    file: "parking/wait-queue.ts",
    from: "    add(words, HEADER.deaths, 1);\n    for (const { worker, kind } of this.armed()) this.#heap.ring(recordOf(worker), kind & KIND_MASK);",
    to: "    for (const { worker, kind } of this.armed()) this.#heap.ring(recordOf(worker), kind & KIND_MASK);\n    add(words, HEADER.deaths, 1);",
    models: ["registry: a look finds a death, and a blocking"],
  },
  {
    name: "turn: one that died keeps it for ever",
    file: "parking/turn.ts",
    from: "(last === this.#mine ? this.#every : this.#patience)",
    to: "(last === this.#mine ? this.#every : Number.POSITIVE_INFINITY)",
    models: ["registry: a looker dies at any step, a blocking", "registry: a looker dies at any step, an awaiting"],
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
    file: "memory/block-lists.ts",
    from: "    this.#heap.words.fill(0, HEADER.roomyPages, HEADER.roomyPages + CLASSES);\n",
    to: "",
    models: ["allocator: a worker dies while it allocates or frees, "],
  },
  {
    name: "allocator: the drafts of a dead worker stay",
    file: "memory/allocator.ts",
    from: "words[header + BLOCK.owner] === worker) this.#free(header + BLOCK_HEADER_WORDS);",
    to: "words[header + BLOCK.owner] === worker) void header;",
    models: ["allocator: a worker dies while it makes new blocks"],
  },
  {
    name: "allocator: a sweep in pieces passes over a page",
    file: "memory/allocator.ts",
    from: "page = this.#walk(visit, page, piece);",
    to: "page = this.#walk(visit, page, piece) + PAGE_WORDS;",
    models: ["allocator: the drafts of a dead worker go back in pieces"],
  },
  {
    name: "allocator: pages of which a dead worker took the first one stay taken",
    file: "memory/allocator.ts",
    from: "          if (code !== FREE_PAGE) this.#pages.release(page);\n",
    to: "",
    models: ["allocator: a worker dies while it takes pages in a row"],
  },
  {
    name: "allocator: a reader of what it does not hold looks at the generation only",
    file: "memory/sighting.ts",
    from: "return load(words, generationWord(at)) === generation && load(words, pageStateWord(at)) === page;",
    to: "return load(words, generationWord(at)) === generation && page > 0;",
    models: ["allocator: who reads a block while its page"],
  },
  {
    name: "allocator: a handle is met by what stands where a header was",
    file: "memory/allocator.ts",
    from: "      load(words, pageStateWord(at)) === page\n",
    to: "      page > 0\n",
    models: ["allocator: a handle from before"],
  },
  {
    name: "allocator: an extent is cut before its rest is written down",
    file: "memory/extents.ts",
    from: `    this.#write(rest, unit + units, left, resident === whole ? left : Math.max(0, resident - units));
    store(words, block + EXTENT.units, units);
`,
    to: `    store(words, block + EXTENT.units, units);
    this.#write(rest, unit + units, left, resident === whole ? left : Math.max(0, resident - units));
`,
    models: ["allocator: a worker dies while extents become one"],
  },
  {
    name: "allocator: of two extents that become one the upper one goes first",
    file: "memory/extents.ts",
    from: `    store(words, lower + EXTENT.units, words[lower + EXTENT.units]! + words[upper + EXTENT.units]!);
    words[lower + EXTENT.resident]! += words[upper + EXTENT.resident]!;
    this.#link(lower, words[upper + EXTENT.above]!);
    this.#blocks.free(upper);
`,
    to: `    this.#link(lower, words[upper + EXTENT.above]!);
    this.#blocks.free(upper);
    store(words, lower + EXTENT.units, words[lower + EXTENT.units]! + words[upper + EXTENT.units]!);
    words[lower + EXTENT.resident]! += words[upper + EXTENT.resident]!;
`,
    models: ["allocator: a worker dies while extents become one"],
  },
  {
    name: "allocator: an extent within another is left after a death",
    file: "memory/extents.ts",
    from: "if (unitOf(block) <= end && ",
    to: "if (unitOf(block) === end && ",
    models: ["allocator: a worker dies while extents become one"],
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
    file: "channels/ring.ts",
    from: "    if (rest >= words) return this.records + place;\n",
    to: "    store(this.words, this.tailAt, after(this.#tail, words, this.span));\n    if (rest >= words) return this.records + place;\n",
    models: ["pipe: messages arrive"],
  },
  {
    name: "pipe: a message wakes nobody",
    file: "channels/pipe-writer.ts",
    from: "    rouse(this.#heap, words, this.#at + PIPE_RING.readerWaits);\n",
    to: "",
    models: ["pipe: messages arrive"],
  },
  {
    name: "pipe: room wakes nobody",
    file: "channels/pipe-reader.ts",
    from: "    rouse(this.#heap, words, this.#at + PIPE_RING.writerWaits);\n",
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
    from: "rouseAll(heap, pipe + PIPE.ring + ring * PIPE_RING_WORDS);",
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
    name: "lane: a job is committed before it is written",
    file: "channels/ring.ts",
    from: "    if (rest >= words) return this.records + place;\n",
    to: "    store(this.words, this.tailAt, after(this.#tail, words, this.span));\n    if (rest >= words) return this.records + place;\n",
    models: ["lane: jobs sent together"],
  },
  {
    name: "lane: a job wakes nobody",
    file: "workers/lane-owner.ts",
    from: "    this.#jobs.commit(size);\n    this.wake();\n",
    to: "    this.#jobs.commit(size);\n",
    models: ["lane: jobs sent together", "lane: jobs sent one by one"],
  },
  {
    name: "lane: a result wakes nobody",
    file: "workers/lane-worker.ts",
    from: "    if (how !== 0) this.#ring(how);\n",
    to: "",
    models: ["lane: jobs sent together", "lane: jobs sent one by one"],
  },
  {
    name: "lane: a worker looks before it says that it waits",
    file: "workers/lane-worker.ts",
    from: "    raise(this.#words, this.#key, how);\n    if (!this.hasJob) {",
    to: "    const { hasJob } = this;\n    raise(this.#words, this.#key, how);\n    if (!hasJob) {",
    models: ["lane: jobs sent together", "lane: jobs sent one by one"],
  },
  {
    name: "lane: a job is taken by a look and a store",
    file: "workers/lane-worker.ts",
    from: "if (compareExchange(words, record + JOB.state, state, (state & ~STATE_MASK) | TAKEN) === state) {",
    to: "store(words, record + JOB.state, (state & ~STATE_MASK) | TAKEN);\n        {",
    models: ["lane: a job that is taken back"],
  },
  {
    name: "lane: what a job holds is taken without a word",
    file: "workers/lane-worker.ts",
    from: "if (!this.#move(TAKEN, OPENED)) throw",
    to: "if (this.#size === 0) throw",
    models: ["lane: what a job holds"],
  },
  {
    name: "queue: a put is committed before the record is written",
    file: "channels/queue.ts",
    from: `      heap.words[chunk + place] = write(item, heap, chunk + place + 1);
      const next = at + FIFO.tails + (1 - (put & 1)) * TAIL_WORDS;
      words[next + TAIL.chunk] = chunk;
      words[next + TAIL.place] = place + recordWords;
      words[next + TAIL.bytes] = words[tail + TAIL.bytes]! + length;
      words[next + TAIL.end] = end;
      store(words, at + FIFO.put, put + 1);`,
    to: `      const next = at + FIFO.tails + (1 - (put & 1)) * TAIL_WORDS;
      words[next + TAIL.chunk] = chunk;
      words[next + TAIL.place] = place + recordWords;
      words[next + TAIL.bytes] = words[tail + TAIL.bytes]! + length;
      words[next + TAIL.end] = end;
      store(words, at + FIFO.put, put + 1);
      heap.words[chunk + place] = write(item, heap, chunk + place + 1);`,
    models: ["queue: what a dead producer", "queue: a producer and a consumer"],
  },
  {
    name: "queue: the copy of the place that counts is changed",
    file: "channels/queue.ts",
    from: "const next = at + FIFO.heads + (1 - (taken & 1)) * HEAD_WORDS;",
    to: "const next = head;\n      words[at + FIFO.heads + (1 - (taken & 1)) * HEAD_WORDS + HEAD.chunk] = chunk;\n      words[at + FIFO.heads + (1 - (taken & 1)) * HEAD_WORDS + HEAD.place] = place + 1 + payloadWords;",
    models: ["queue: what a dead consumer took"],
  },
  {
    name: "queue: an item wakes no getter",
    file: "channels/any-queue.ts",
    from: "    tellCommitted(item);\n    this.#wakeGetter();",
    to: "    tellCommitted(item);",
    models: ["queue: a producer and a consumer"],
  },
  {
    name: "queue: room wakes no putter",
    file: "channels/any-queue.ts",
    from: "    if (taken !== undefined) this.#wakePutter();\n",
    to: "",
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
    name: "queue: a getter does not look again under the putters' mutex",
    file: "channels/queue.ts",
    from: " || load(words, at + FIFO.taken) !== words[at + FIFO.put]) return false;",
    to: ") return false;",
    models: ["queue: a producer and a consumer"],
  },
  {
    name: "queue: a putter does not look again once it has said that it waits",
    file: "channels/queue.ts",
    from: "        if (!this.#hasRoom(put, tail, length)) return false;\n      }",
    to: "        return false;\n      }",
    models: ["queue: a producer waits for room"],
  },
  {
    name: "queue: closed is seen, and not what was put before",
    file: "channels/queue.ts",
    from: "return this.#takeFirst(0) ?? this.throwDrained();",
    to: "this.throwDrained();",
    models: ["queue: what was put before the shutdown"],
  },
  {
    name: "queue: shutdown wakes no getter",
    file: "channels/any-queue.ts",
    from: "    waitQueue.wake(this.at + QUEUE.gettersWait, EVERYBODY);\n",
    to: "",
    models: ["queue: shutdown ends a blocking"],
  },
  {
    name: "queue: the last taskDone wakes nobody who joins",
    file: "channels/any-queue.ts",
    from: "if (left === 0) this.wake(this.at + QUEUE.joinersWait, EVERYBODY, QUEUE.joinersWait);",
    to: "",
    models: ["queue: join waits"],
  },
  {
    name: "queue: what is done is counted in two steps",
    file: "channels/queue.ts",
    from: "if (compareExchange(words, at + FIFO.done, done, (done + 1) | 0) === done) return",
    to: "store(words, at + FIFO.done, (done + 1) | 0);\n      return",
    models: ["queue: two finish at once"],
  },
  {
    name: "queue: who joins does not look again once it has said so",
    file: "channels/any-queue.ts",
    from: "return this.unfinished <= 0 ? true : undefined;",
    to: "return undefined;",
    models: ["queue: join waits"],
  },
  {
    name: "queue: a stored item stays a draft of its producer",
    file: "codec/payload.ts",
    from: "    if (message.isDraft) heap.allocator.publish(message.block);\n",
    to: "",
    models: ["queue: a large item of a dead producer"],
  },
  {
    name: "lifo queue: a getter does not say that it waits",
    file: "channels/flip-queue.ts",
    from: "        if (waits) this.expectWake(QUEUE.gettersWait);\n",
    to: "",
    models: ["lifo-queue: a producer and a consumer"],
  },
  {
    name: "lifo queue: a new chunk forgets where the one below was left",
    file: "channels/lifo-queue.ts",
    from: "      heap.words[chunk + BELOW_TOP] = top;\n",
    to: "      heap.words[chunk + BELOW_TOP] = FIRST_RECORD + 1;\n",
    models: ["lifo-queue: items go on in a new chunk"],
  },
  {
    name: "priority queue: after a death inside the heap is left as it is",
    file: "channels/priority-queue.ts",
    from: "    this.heap.catchUp();\n    const live = liveState(this.words, this.at);\n    this.words[this.at + PRIORITY.heaped] = 0;",
    to: "    if (this.at > 0) return;\n    const live = liveState(this.words, this.at);\n    this.words[this.at + PRIORITY.heaped] = 0;",
    models: ["priority-queue: a consumer dies while it takes"],
  },
  {
    name: "priority queue: a slot counts as soon as it is written",
    file: "channels/priority-queue.ts",
    from: "    (sequence !== words[live + RANKS.sequence] || words[slot + SLOT.used] !== words[live + RANKS.turns]! + 1) &&\n",
    to: "",
    models: ["priority-queue: a producer dies while it adds slots"],
  },
  {
    name: "priority queue: what was taken counts again after a death",
    file: "channels/priority-queue.ts",
    from: "    (slot !== words[live + RANKS.taken] || sequence !== words[live + RANKS.takenSequence])\n",
    to: "    true\n",
    models: ["priority-queue: a consumer dies while it takes"],
  },
  {
    name: "monitor: the flag goes down before the waiters are looked for",
    file: "objects/monitor.ts",
    from: "    within(AT_ONCE, () =>\n      this.inside(() => {\n        if (this.heap.waitQueue.countWaiters(key, 1) === 0) store(this.words, this.at + flag, 0);\n      }),\n    );",
    to: "    void key;\n    store(this.words, this.at + flag, 0);",
    models: ["queue: a blocking get gives up"],
  },
  {
    name: "monitor: a woken one that tries counts as on its way for ever",
    file: "objects/monitor.ts",
    from: "      const found = compareExchange(this.words, at, seen, seen - 1);\n      if (found === seen) return;\n      seen = found;\n",
    to: "      return;\n",
    models: ["semaphore: two signals"],
  },
  {
    name: "queue: a woken getter does not wake the next one for the next item",
    file: "channels/any-queue.ts",
    from: "    if (granted) this.#wakeGetter();\n",
    to: "",
    models: ["queue: two getters that sleep"],
  },
  {
    name: "rwlock: a woken reader does not wake the next one",
    file: "sync/rwlock.ts",
    from: "      if (granted && held !== undefined) this.wakeFor(this.at + RWLOCK.readersWait, EVERYBODY, RWLOCK.readersWait);\n",
    to: "",
    models: ["rwlock: two readers that sleep"],
  },
  {
    name: "monitor: after a death inside nothing is rebuilt",
    file: "objects/monitor.ts",
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
    name: "condition: a notification is not kept in hand until the lock is taken back",
    file: "sync/condition.ts",
    from: "this.heap.waitQueue.carry(this.at, suspension.hand);",
    to: "",
    models: ["condition: a notification outlives a blocking caller"],
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
    from: "if (returned) this.wakeFor(this.at, this.words[this.at + SEMAPHORE.free]!);",
    to: "",
    models: ["semaphore: one at a time"],
  },
  {
    name: "semaphore: a release of several wakes nobody",
    file: "sync/semaphore.ts",
    from: "    else this.wake(this.at, n);\n",
    to: "",
    models: ["semaphore: two permits at once"],
  },
  {
    name: "semaphore: a woken one that got a permit does not wake the next one",
    file: "sync/semaphore.ts",
    from: "      else if (granted && permit !== undefined) this.wakeFor(this.at, this.words[this.at + SEMAPHORE.free]!);\n",
    to: "",
    models: ["semaphore: two signals"],
  },
  {
    name: "semaphore: a dead worker's permits do not come back",
    file: "sync/semaphore.ts",
    from: "        if (words[at + SEMAPHORE.free]! <= 0) reclaimed = this.#reclaim();\n        const keepOut",
    to: "        const keepOut",
    models: ["semaphore: a holder dies"],
  },
  {
    name: "semaphore: a dead holder is struck out before the mark is set",
    file: "sync/hold-table.ts",
    from: "      if (count > 0) mark();\n      reclaimed += count;\n      store(words, cell + COUNT, 0);\n      store(words, cell + WORKER, 0);\n",
    to: "      reclaimed += count;\n      store(words, cell + COUNT, 0);\n      store(words, cell + WORKER, 0);\n      if (count > 0) mark();\n",
    models: ["semaphore: a dead holder's mark"],
  },
  {
    name: "semaphore: what a worker that ended normally held comes back",
    file: "parking/registry.ts",
    from: "return load(words, record + RECORD.id) === worker && load(words, record + RECORD.ended) === 1;",
    to: "return false;",
    models: ["semaphore: a normal end that death cuts off", "semaphore: a sweeper of one that ended normally"],
  },
  {
    name: "semaphore: a record is vacant before what its worker used up is struck out",
    file: "parking/memory-steps.ts",
    from: "within(AT_ONCE, () => references.endPartsOf(record, dead)) === true,",
    to: "references.endPartsOf(record, dead) || true,",
    models: ["semaphore: one that ended normally is swept while"],
  },
  {
    name: "semaphore: a task that settles is not marked while it strikes out what it took",
    file: "sync/task-permits.ts",
    from: "  markEnded(true);\n  try {",
    to: "  try {",
    models: ["semaphore: a task that settles"],
  },
  {
    name: "semaphore: used-up permits are struck out before it is written down what remains",
    file: "sync/semaphore.ts",
    from: "  store(words, at + SEMAPHORE.permits, ~words[at + SEMAPHORE.remaining]!);\n  holds.strikeOutUsedUp();\n",
    to: "  const permits = ~words[at + SEMAPHORE.remaining]!;\n  store(words, at + SEMAPHORE.remaining, 0);\n  holds.strikeOutUsedUp();\n  store(words, at + SEMAPHORE.permits, permits);\n",
    models: ["semaphore: a normal end that death cuts off", "semaphore: a sweeper of one that ended normally", "semaphore: a task that settles"],
  },
  {
    name: "semaphore: an heir is not told that it may hold what its ledger does not name",
    file: "parking/registry.ts",
    from: "store(this.#heap.words, this.recordOf(worker) + RECORD.strays, 1);",
    to: "",
    models: ["semaphore: a sweeper of one that ended normally", "semaphore: one that ended normally"],
  },
  {
    name: "registry: an id comes again while words still name its last worker",
    file: "parking/registry.ts",
    from: "return nextGeneration(vacant) <= load(this.#heap.words, record + RECORD.id) >>> SLOT_BITS;",
    to: "return false;",
    models: ["registry: two newcomers, and a slot whose ids come again"],
  },
  {
    name: "registry: a slot is fit for use again before its workers are struck out",
    file: "parking/registry.ts",
    from: "if (within(AT_ONCE, () => strikeOut?.(this.#heap, (record - REGISTRY_AT) / RECORD_WORDS)) === true) store(words, record + RECORD.id, 0);",
    to: "store(words, record + RECORD.id, 0);\n      strikeOut?.(this.#heap, (record - REGISTRY_AT) / RECORD_WORDS);",
    models: ["registry: who renews a slot whose ids come again"],
  },
  {
    name: "registry: two renew a slot at once",
    file: "parking/registry.ts",
    from: "!this.#isWorn(record, word) || !this.#claim(record)) return;",
    to: "!this.#isWorn(record, word)) return;",
    models: ["registry: who renews a slot late"],
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
    from: `    this.heap.waitQueue.wake(this.at, EVERYBODY);\n    if (how === "broken") this.#throwBroken(false);\n`,
    to: `    if (how === "broken") this.#throwBroken(false);\n`,
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
    name: "rwlock: a dead writer is taken out before the mark is set",
    file: "sync/rwlock.ts",
    from: "      words[at + RWLOCK.inconsistent] = 1;\n      words[at + RWLOCK.writer] = 0;\n",
    to: "      words[at + RWLOCK.writer] = 0;\n      words[at + RWLOCK.inconsistent] = 1;\n",
    models: ["rwlock: a dead writer's mark outlives an heir"],
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
    from: "if (isLast) this.#wakeWriter();",
    to: "",
    models: ["rwlock: a reader and a writer"],
  },
  {
    name: "rwlock: a writer wakes no writer when no reader waits",
    file: "sync/rwlock.ts",
    from: "if (this.#wakeReaders() === 0) this.#wakeWriter();",
    to: "this.#wakeReaders();",
    models: ["rwlock: two writers"],
  },
  {
    name: "rwlock: a writer that gives up leaves the readers waiting that it held back",
    file: "sync/rwlock.ts",
    from: "if (held === undefined) this.#writerLeft();",
    to: "",
    models: ["rwlock: a writer gives up"],
  },
  {
    name: "worker info: a wait record is put up before it is written",
    file: "parking/worker-info.ts",
    from: "  words[waitRecord + WAIT_RECORD.flags] = flags;\n",
    to: "  store(words, info + WORKER_INFO.waitRecord, waitRecord);\n  words[waitRecord + WAIT_RECORD.flags] = flags;\n",
    models: ["card: a notice is read whole"],
  },
  {
    name: "worker info: a wait record is freed before it is taken off",
    file: "parking/worker-info.ts",
    from: "  if (info !== 0) store(heap.words, info + WORKER_INFO.waitRecord, 0);\n  heap.allocator.free(waitRecord);",
    to: "  heap.allocator.free(waitRecord);\n  if (info !== 0) store(heap.words, info + WORKER_INFO.waitRecord, 0);",
    models: ["card:"],
  },
  {
    name: "worker info: a reader does not look again",
    file: "parking/worker-info.ts",
    from: "return load(words, record + RECORD.state) === state && isOn(heap, record, found) ? found : undefined;",
    to: "return found;",
    models: ["card: a notice is read whole"],
  },
  {
    name: "worker info: two wait records in one block are taken for the same",
    file: "parking/worker-info.ts",
    from: "load(words, info + WORKER_INFO.waitRecord) === block && stillStands(words, block, page, generation)",
    to: "load(words, info + WORKER_INFO.waitRecord) === block",
    models: ["card: while a notice is there"],
  },
  {
    name: "findings: one is put in front without looking whether another was",
    file: "diagnosis/findings.ts",
    from: "const seen = compareExchange(words, HEADER.findings, first, block);",
    to: "atomics.store(words, HEADER.findings, block); const seen = first;",
    models: ["findings: two"],
  },
  {
    name: "findings: they are taken in two steps",
    file: "diagnosis/findings.ts",
    from: "let block = exchange(heap.words, HEADER.findings, 0);",
    to: "let block = load(heap.words, HEADER.findings); atomics.store(heap.words, HEADER.findings, 0);",
    models: ["findings:"],
  },
  {
    name: "shared map: a reader does not look at the slot again",
    file: "shared/hash-table.ts",
    from: "if (load(words, slot + NAMED) !== entry || load(words, at + EPOCH) !== epoch) return UNSETTLED;",
    to: "if (load(words, at + EPOCH) !== epoch) return UNSETTLED;",
    models: ["shared-map: a reader beside a writer", "shared-map: a reader never takes"],
  },
  {
    name: "shared map: a reader does not look at the generation again",
    file: "shared/entry.ts",
    from: "if (!stillStands(words, entry, page, generation)) {",
    to: "if (false) {",
    models: ["shared-map: a reader beside a writer"],
  },
  {
    name: "shared map: who finds nothing does not look at the epoch again",
    file: "shared/hash-table.ts",
    from: "return load(words, this.#at + EPOCH) === epoch ? result : UNSETTLED;",
    to: "return result;",
    models: ["shared-map: a key that is there is found while its segment"],
  },
  {
    name: "shared map: the epoch stays when the directory is replaced",
    file: "shared/hash-table.ts",
    from: "    store(words, this.#at + DIRECTORY, renewed);\n    this.#moveEpoch();",
    to: "    store(words, this.#at + DIRECTORY, renewed);",
    models: ["shared-map: a key that is there is found while its segment"],
  },
  {
    name: "shared map: an update looks at the block and not at its generation",
    file: "shared/shared-map.ts",
    from: "if (seen && load(heap.words, generationWord(lasting)) !== seen.generation) return false;",
    to: "",
    models: ["shared-map: no update is lost"],
  },
  {
    name: "shared map: nothing is counted anew after a death",
    file: "shared/shared-map.ts",
    from: "    this.#table.recount((entry) => {",
    to: "    if (this.at === 0) this.#table.recount((entry) => {",
    models: ["shared-map: who takes a key out dies", "shared-map: a writer dies"],
  },
  {
    name: "shared map: an entry is retired before it is out of its slot",
    file: "shared/shared-map.ts",
    from: "    this.#table.remove(slot, weightOf(this.heap, entry));\n    retireEntry(this.heap, entry, this.#retired);",
    to: "    retireEntry(this.heap, entry, this.#retired);\n    this.#table.remove(slot, weightOf(this.heap, entry));",
    models: ["shared-map: who takes a key out dies"],
  },
  {
    name: "shared map: a new entry is not published",
    file: "shared/entry.ts",
    from: "  heap.allocator.publish(entry);\n",
    to: "",
    models: ["shared-map: a writer dies: the key"],
  },
  {
    name: "shared map: what a value holds is not counted for its reader",
    file: "shared/entry.ts",
    from: "heapHolding(acrossProcesses, heapId)?.allocator.retain(at);",
    to: "heapHolding(acrossProcesses, heapId);",
    models: ["shared-map: shared objects in a value"],
  },
  {
    name: "shared map: clear does not say what it detaches",
    file: "shared/shared-map.ts",
    from: "      store(words, at + MAP.cleared, directory);\n      this.#table.detach();",
    to: "      this.#table.detach();\n      store(words, at + MAP.cleared, directory);",
    models: ["shared-map: who clears dies"],
  },
  {
    name: "shared map: room is made for less than the entry takes",
    file: "shared/shared-map.ts",
    from: "this.#makeRoom(weight - before, weight, current, now);",
    to: "this.#makeRoom(0, weight, current, now);",
    models: ["shared-map: the limit holds"],
  },
  {
    name: "shared list: a reader does not look at the ends again",
    file: "shared/shared-list.ts",
    from: "if (load(words, cell) !== entry || load(words, spine + FIRST) !== first || load(words, spine + END) !== end) return UNREAD;",
    to: "if (load(words, cell) !== entry) return UNREAD;",
    models: ["shared-list: a reader"],
  },
  {
    name: "shared list: the end moves after the item is retired",
    file: "shared/shared-list.ts",
    from: "      store(words, word, which === FIRST ? place + 1 : place);\n      store(words, spine + CELLS + place, 0);\n      retireEntry(heap, entry, this.#retired);",
    to: "      retireEntry(heap, entry, this.#retired);\n      store(words, word, which === FIRST ? place + 1 : place);\n      store(words, spine + CELLS + place, 0);",
    models: ["shared-list: who takes an item dies"],
  },
  {
    name: "shared list: the end moves before the item is in its cell",
    file: "shared/shared-list.ts",
    from: "      const end = words[spine + END]!;\n      for",
    to: "      const end = words[spine + END]!;\n      store(words, spine + END, end + entries.length);\n      for",
    models: ["shared-list: who puts an item dies"],
  },
  {
    name: "select: a blocking one keeps what was granted to it by those that lost",
    file: "parking/parker.ts",
    from: "        waitQueue.withdraw(node);\n        waitQueue.passOnPending(node);",
    to: "        if (waitQueue.withdraw(node)) waitQueue.putDown(node);",
    models: ["select: a blocking select passes on", "select: a blocking select that chose the news"],
  },
  {
    name: "select: an awaiting one keeps what was granted to it by those that lost",
    file: "parking/parker.ts",
    from: "if (contender !== winner && parker.#leave(awaited, waiter)) parker.#passOn(awaited);",
    to: "if (contender !== winner && parker.#leave(awaited, waiter)) parker.#putDown(awaited);",
    models: ["select: an awaiting select passes on", "select: an awaiting select that chose the news"],
  },
  {
    name: "select: an awaiting one stays in the lines of those that lost",
    file: "parking/parker.ts",
    from: "if (contender !== winner && parker.#leave(awaited, waiter)) parker.#passOn(awaited);",
    to: "",
    models: ["select: an awaiting select that chose the news"],
  },
  {
    name: "select: a blocking one goes on after the first success",
    file: "parking/parker.ts",
    from: "          if (result !== undefined) break;\n",
    to: "",
    models: ["select: two selects, two queues", "select: a blocking select passes on"],
  },
  {
    name: "select: a blocking one takes all that are there at once",
    file: "parking/parker.ts",
    from: "        if (result !== undefined) return result;\n      }\n      return undefined;\n    };",
    to: "        if (result !== undefined) last = result;\n      }\n      return last;\n    };\n    let last: T | undefined;",
    models: ["select: two selects, two queues"],
  },
  {
    name: "select: a blocking one attempts before it arms its nodes",
    file: "parking/parker.ts",
    from: "    try {\n      for (const contender of contenders) {\n        const { waitQueue } = contender.heap;",
    to: "    const early = attemptAll();\n    if (early !== undefined) return early;\n    contenders = contenders.map((each) => ({ ...each, attempt: (granted) => (granted ? each.attempt(true) : undefined) }));\n    try {\n      for (const contender of contenders) {\n        const { waitQueue } = contender.heap;",
    models: ["select: a blocking select takes what comes"],
  },
  {
    name: "select: a blocking one looks at one of its nodes only before it sleeps",
    file: "parking/parker.ts",
    from: "const hasGrant = () => places.some(({ contender, node }) => contender.heap.waitQueue.hasGrant(node));",
    to: "const hasGrant = () => places.slice(0, 1).some(({ contender, node }) => contender.heap.waitQueue.hasGrant(node));",
    models: ["select: a blocking select takes what comes", "select: two selects, two queues"],
  },
  {
    name: "select: what was granted twice to one that stood in a line twice is lost",
    file: "parking/parker.ts",
    from: "if (grants > 0) waitQueue.wake(awaited.key, grants);",
    to: "",
    models: ["select: a queue under two names"],
  },
];
