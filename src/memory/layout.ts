/**
 * Where every word of a heap's control region stands. `docs/design/memory.md` repeats these tables with who writes
 * which word and when. Offsets are in 32-bit words.
 */

/** The first words of a control region. */
export const HEADER = {
  /** MAGIC once the region is ready for use. */
  magic: 0,
  /** LAYOUT_VERSION of the program that made it. */
  version: 1,
  /** A random number: tells handles of this heap from another's. */
  heapId: 2,
  /** First word of the first page never handed out; only grows, under `guard`. */
  brk: 3,
  /** Mutex of the allocator: free lists, brk, extents. */
  guard: 4,
  /** Next ticket of a waiter: orders wake-ups. */
  ticket: 5,
  /** One past the highest worker slot ever used. */
  workersHigh: 6,
  /** Inode of the pid namespace whose pids the registry holds (process heap). */
  pidNamespace: 7,
  /** First 64-byte unit of the data region beyond all extents. */
  dataBrk: 8,
  /** Units of unused extents whose pages are still resident. */
  dataCached: 9,
  /** First entry of the chain of process heaps that this process has mapped (thread heap). */
  arenas: 10,
  /** Id of the process heap that is this program's own, 0 before there is one (thread heap). */
  ownHeap: 11,
  /** 1 in the heap that all programs of one user share, where names are the machine's (process heap). */
  ofMachine: 12,
  /** Mutex for mapping each process heap once per process. Nothing is allocated or freed inside it. */
  arenaGuard: 13,
  /** How many workers of each model were ever named: "Thread-k", "Process-k", "PoolWorker-k". */
  threadNames: 14,
  processNames: 15,
  poolNames: 16,
  /** First entry of the chain of names of shared memory. */
  names: 17,
  /** Mutex of that chain. Taken before `guard`, never inside it; nothing is allocated or freed inside it. */
  namesGuard: 18,
  /** First word that no memory was set aside for (process heap). */
  reserved: 19,
  /** Mutex for loading an addon and for terminating a thread (thread heap). */
  addonGuard: 20,
  /**
   * When somebody last began to look at all workers, and for deadlocks, on the clock that all share (see clock.ts); 0
   * before the first time (see parking/turn.ts).
   */
  looked: 21,
  searched: 22,
  /** 1 once a wait has lasted so long that somebody has to look for deadlocks. */
  searchDue: 23,
  /** How often somebody who waits was told of a death, or that it is asked to end. */
  deaths: 29,
  /**
   * How many workers waited when somebody last looked at all of them: the more, the longer each sleeps in one piece
   * (see parking/crowd.ts).
   */
  crowd: 30,
  /** How the deadlock detector is set in this program: see diagnosis/settings.ts. 0 is as it comes. */
  diagnosis: 24,
  /** Milliseconds that a wait must have lasted before the detector looks, 0 for as it comes. */
  lookAfter: 25,
  /** First of the findings that nobody has read; how many workers listen for them. */
  findings: 26,
  listeners: 27,
  /** How often somebody asked all processes for a dump. */
  dumps: 28,
  /** Of each size class a ring of the pages that have room, by its first page. */
  roomyPages: 32,
  /** The last extent of the data region, 0 for none. */
  lastExtent: 88,
  /** Lists of unused extents, by their length. */
  freeExtents: 96,
  /** Lists of free runs of pages, by their length. */
  freeRuns: 160,
} as const;

export const MAGIC = 0x616c6c63;
/**
 * Raised with every change of what stands in shared memory, encoded values included: unrelated programs tell by it
 * whether they understand each other.
 */
export const LAYOUT_VERSION = 6;

/**
 * A process heap that this process has mapped, in its thread heap: all its threads use the one mapping, which stays
 * until the process ends.
 */
export const ARENA = {
  next: 0,
  heapId: 1,
  descriptor: 2,
  addressLow: 3,
  addressHigh: 4,
} as const;
export const ARENA_WORDS = 8;

/** The worker registry: one record a slot. */
export const REGISTRY_AT = 256;
export const MAX_WORKERS = 1023;
export const RECORD_WORDS = 64;

/** One worker (a thread that runs JavaScript) in the registry. */
export const RECORD = {
  /** id << STATE_BITS | VACANT, CLAIMED, ALIVE or DEAD. */
  state: 0,
  /**
   * generation << SLOT_BITS | slot: what owner words hold. A new generation with each claim, so a stale owner word
   * never names a newcomer.
   */
  id: 1,
  pid: 2,
  tid: 3,
  /** Start time in clock ticks, as /proc tells it: tells a reused tid from the worker. */
  startTime: 4,
  /**
   * 1 while this worker's blocking wait sleeps, or is about to: it parks on this word. The waker lowers the word and
   * wakes it. In the heap across threads it may be more: where the worker's record stands in the heap across processes,
   * in which it sleeps.
   */
  blocking: 5,
  /** 1 while a doorbell for the worker's event loop is on its way. Only the loop clears it. */
  doorbell: 6,
  /** Read end of the loop's doorbell pipe plus one, 0 while it has none (process heap). */
  pipe: 7,
  /** Inode of that pipe: a reused descriptor number is never written to. */
  pipeInode: 8,
  /** One past the highest inline waiter node in use. */
  nodesHigh: 9,
  /** Worker id of who sweeps this record after its death, 0 for nobody. Stays through a claim. */
  sweeper: 10,
  /**
   * First block of further waiter nodes, 0 for none. It stays with the slot: a late waker may still look at its nodes.
   */
  moreNodes: 11,
  /** First block of the reference ledger: the objects that this worker holds on to. */
  references: 12,
  /** The worker info, 0 while it has none: who it is and what it has long waited for, for others to read. */
  workerInfo: 13,
  /**
   * 1 once the worker ends normally, or while a pool's task settles: what it took of a semaphore is used up, and its
   * death gives nothing of that back.
   */
  ended: 14,
  /**
   * 1 when the worker may hold permits of semaphores that its ledger does not name: they were handed to it, or it has
   * let go of the semaphore.
   */
  strays: 15,
  /** 1 once somebody who looked for deadlocks found a circle that this worker has to act on: it looks itself. */
  asked: 16,
  /**
   * How often this worker left an internal mutex on which another one slept; only this worker writes it. A waiter that
   * finds the same holder at each look tells by it a holder that came again from one that never left.
   */
  leaves: 17,
  /** Inline waiter nodes; the first is the blocking wait's. */
  nodes: 20,
} as const;

export const SLOT_BITS = 10;
export const SLOT_MASK = (1 << SLOT_BITS) - 1;

/** Where the record of a worker stands. */
export function recordOf(worker: number): number {
  return REGISTRY_AT + (worker & SLOT_MASK) * RECORD_WORDS;
}

/**
 * Ids stay below 2^28, so that an owner word has three flag bits beside one. A slot whose generations are used up rests
 * until no word names its workers.
 */
export const GENERATION_MASK = (1 << 18) - 1;
/** Stands for a worker that is dead for ever: slot 0 is never used. */
export const GHOST = 1 << SLOT_BITS;

export const VACANT = 0;
export const CLAIMED = 1;
export const ALIVE = 2;
export const DEAD = 3;
export const STATE_BITS = 3;
export const STATE_MASK = 7;

/** One waiter node. */
export const NODE = {
  /** sequence << 14 | wanted << 7 | granted: who waits here and how many wake-ups were won but not taken yet. */
  state: 0,
  /** The word offset that identifies what is waited for. Stable while wanted > 0. */
  key: 1,
  /** Order of arrival. */
  ticket: 2,
  /**
   * BLOCKING or AWAITING; PENDING_ONE for each pending grant: used, or withdrawn, and neither with success yet nor
   * passed on;
   * from PRIORITY_SHIFT on, with its sign, the priority. Only its worker writes it.
   */
  kind: 3,
} as const;

export const NODE_WORDS = 4;
export const INLINE_NODES = (RECORD_WORDS - RECORD.nodes) / NODE_WORDS;
export const BLOCKING = 0;
export const AWAITING = 1;
export const KIND_MASK = 1;
export const PENDING_ONE = 2;
export const PENDING_MASK = 0xffe;
export const PRIORITY_SHIFT = 12;

/** A block of further nodes: a link word, then nodes. */
export const NODE_BLOCK = { next: 0, nodes: 4 } as const;
export const NODES_PER_BLOCK = 63;

/** A worker info: two words, then its identity as text. */
export const WORKER_INFO = {
  /** The wait record of the wait that has lasted long, 0 for none. */
  waitRecord: 0,
  /** Bytes of the identity. */
  bytes: 1,
  text: 2,
} as const;

/**
 * The wait record of a long wait: its words, what is waited for, and a description as text. While a worker info names
 * it, nothing of it changes but `looks`.
 */
export const WAIT_RECORD = {
  /** REFUSABLE, ENDLESS, IDLE. */
  flags: 0,
  /** When the wait began: milliseconds since 1970, divided by 2^20, and the rest. */
  sinceHigh: 1,
  sinceLow: 2,
  /** Attempts that failed since it was put up. */
  looks: 3,
  /** How many keys are waited for. */
  count: 4,
  /** Bytes of the description. */
  bytes: 5,
  /** For each key the object and the key; then the description. */
  waits: 6,
} as const;

/** The page table: two words for each page of the control region. Only the allocator writes it, under `guard`. */
export const PAGE_ENTRY = {
  /**
   * epoch << 8 | what the page is: FREE_PAGE, a size class + 1, LARGE_PAGE or TAIL_PAGE. The truth. Another epoch each
   * time it comes into use.
   */
  state: 0,
  /**
   * The generation of blocks that begin in this page from now on: at least as high as that of any that was ever freed
   * in it. It outlives every use of the page.
   */
  generation: 1,
} as const;
export const PAGE_ENTRY_WORDS = 2;
export const PAGE_CODE_MASK = 0xff;
export const PAGE_EPOCH_SHIFT = 8;
export const FREE_PAGE = 0;
/** The first page of a block that takes whole pages. */
export const LARGE_PAGE = 254;
/** Its other pages. */
export const TAIL_PAGE = 255;

export const PAGE_LOG = 12;
export const PAGE_WORDS = 1 << PAGE_LOG;

/** The first words of a page that belongs to a size class. */
export const PAGE = {
  /** How many of its blocks have a header: the truth. */
  carved: 0,
  /** How many of them are not FREE. Derived, as all that follows. */
  used: 1,
  /** First of its free blocks, each of which names the next in its word 0. */
  free: 2,
  /** The ring of the class, while the page has room; 0 while it has none. */
  next: 3,
  previous: 4,
} as const;
export const PAGE_HEADER_WORDS = 8;

/** Words in the first page of a free run, and in its last. Derived from the page table. */
export const RUN = {
  /** Pages. */
  length: 0,
  next: 3,
  previous: 4,
  /** In the last page: the first. */
  first: 5,
} as const;

/** The header in front of each block of the control region. */
export const BLOCK = {
  /**
   * pages << 16 (of a block that takes whole pages) | kind << 8 | FREE, DRAFT, LIVE or SPARE. The truth: lists are
   * derived from it.
   */
  state: 0,
  /** Worker id that allocated it: a DRAFT goes back when that worker dies. Of an object also LENT. */
  owner: 1,
  /** How many workers and messages hold it. */
  references: 2,
  /**
   * Another one each time it is freed, and none that a block which began here ever had: so a stale handle never reaches
   * a newcomer.
   */
  generation: 3,
} as const;

export const BLOCK_HEADER_WORDS = 4;
/** In `owner`: a message that counts no hold names the object, so that anybody may come to have it. */
export const LENT = 1 << 30;
export const FREE = 0;
export const DRAFT = 1;
export const LIVE = 2;
/** Describes an extent that nobody uses. */
export const SPARE = 3;
export const BLOCK_STATE_MASK = 0xff;
export const BLOCK_KIND_SHIFT = 8;
export const BLOCK_KIND_MASK = 0xff;
export const BLOCK_PAGES_SHIFT = 16;

/**
 * Kinds of blocks that memory has itself. Those of objects are declared by the folders that define their classes, each
 * in its `kinds.ts`.
 */
export const KIND = {
  /** Belongs to another block. */
  plain: 0,
  extent: 1,
} as const;

/**
 * An extent: a piece of the data region, described by a block of the control region, so that no user's view shows lock
 * words. SPARE while nobody uses it.
 */
export const EXTENT = {
  /** First 64-byte unit, and how many: the truth. */
  unit: 0,
  units: 1,
  /** How many units of a spare extent have pages of the system. */
  resident: 2,
  /** The list of spare extents of about its length. Derived. */
  next: 3,
  previous: 4,
  /** Its neighbours in the data region, 0 for none. Derived. */
  below: 5,
  above: 6,
  /** How many of its bytes are in use, where its owner keeps a message in it. */
  length: 7,
} as const;
export const EXTENT_WORDS = 8;

export const UNIT_BYTES = 64;

/** One past the words of the header. */
export const HEADER_END = 218;

export const PAGE_TABLE_AT = REGISTRY_AT + (MAX_WORKERS + 1) * RECORD_WORDS;
/** More than the largest control region has. */
export const MOST_PAGES = 2 ** 17;
/** The control region's first page. Pages begin at multiples of PAGE_WORDS. */
export const BLOCKS_AT = Math.ceil((PAGE_TABLE_AT + MOST_PAGES * PAGE_ENTRY_WORDS) / PAGE_WORDS) * PAGE_WORDS;
