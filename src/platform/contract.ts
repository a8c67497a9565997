/**
 * What this library asks of an operating system: one group of verbs for each need. `linux/` implements all of it,
 * `portable/` what can be had anywhere; a port is one more folder. docs/design/platform.md has a row for each verb,
 * with the means of other systems.
 */
import type { AttachError } from "../errors/index.js";
import type { LockPatience } from "./lock-patience.js";
import type { PermissionNeed } from "./permission.js";

/** What is told without native code, from the first line on. */
export interface Platform {
  readonly liveness: Liveness;
  readonly peers: Peers;
  readonly resources: Resources;
  readonly signals: Signals;
  /** What Node's permission model must grant before `processes` is called. */
  readonly needs: readonly PermissionNeed[];
  /**
   * What processes need. Called once, and kept by the caller: it loads native code. @throws PlatformError where there
   * is none
   */
  processes(): ProcessPlatform;
}

/** What only memory between processes, and processes themselves, need. */
export interface ProcessPlatform {
  readonly memory: Memory;
  readonly words: WordWait;
  readonly doorbells: Doorbells;
  readonly lifeline: Lifeline;
  readonly handOver: HandOver;
  readonly machineLock: MachineLocks;
  /** Ends this process here and now, by the system: no handler runs, and nothing is waited for. */
  exit(code: number): never;
}

/** A thread, told from every other that the system has had since it started. */
export interface ThreadIdentity {
  pid: number;
  tid: number;
  /**
   * Clock ticks since boot, or any number that differs for another thread of the same tid; 0 where the system does not
   * tell.
   */
  startTime: number;
}

/** A thread at one moment. */
export interface ThreadStat {
  /**
   * "R": it runs, or would if a processor were free. "S", "D", "I": it sleeps. "T", "t": it was stopped. "Z", "X": it
   * is gone.
   */
  readonly state: string;
  /** How long it has had a processor, in nanoseconds; in steps of 10 ms where the system counts no finer. */
  readonly ran: number;
  /** How long it has waited for a processor though it could have run, in nanoseconds; undefined where nobody counts. */
  readonly delayed?: number | undefined;
  /**
   * The function of the kernel in which it sleeps, as in "pipe_read"; undefined where the system keeps that to itself.
   */
  readonly sleepsIn: string | undefined;
}

/** Whether a worker runs, since when, and what it does. Nothing is asked of the worker itself. */
export interface Liveness {
  /**
   * Whether this system says which threads are gone. Where it does not, a worker's own exit or its parent's word ends
   * it.
   */
  readonly isTold: boolean;
  /** The calling thread. @throws OutOfDescriptorsError rather than naming another */
  thisThread(): ThreadIdentity;
  /**
   * False once the thread is gone, a zombie, or another one has its number. True in doubt, and where the system does
   * not tell.
   */
  isRunning(thread: ThreadIdentity): boolean;
  /** What the thread does; undefined where the system does not tell, and once it is gone. */
  threadStatOf(pid: number, tid: number): ThreadStat | undefined;
  /**
   * Whether such a thread cannot go on until somebody lets it: it was stopped by a signal or a debugger, or is frozen.
   * Undefined where a sleeping one may be frozen, and the system does not say in what it sleeps.
   */
  isHalted(seen: Pick<ThreadStat, "state" | "sleepsIn">): boolean | undefined;
  /** The numbers of this process's threads; undefined where the system does not tell. */
  threadsHere(): number[] | undefined;
  /** Whether this process has a thread of that number, of those that `threadsHere` told. */
  hasThread(tid: number): boolean;
  /**
   * How a process ended that nobody has reaped yet: its exit code, or `-n` after signal n. Undefined while it runs,
   * once it is reaped, and where the system does not tell.
   */
  zombieExitCode(pid: number): number | undefined;
}

/** Which processes may share memory with this one. */
export interface Peers {
  /** Whose rights this process has; 0 where there are no users. */
  readonly user: number;
  /**
   * The same for all processes that can tell whether the others live (a pid namespace, a session); 0 where there is
   * only one.
   */
  readonly namespace: number;
  /** Whether other processes of this user may open what this one has open. */
  readonly areLetIn: boolean;
}

/** What this process and its children use, and may use. */
export interface Resources {
  /**
   * How much memory a process holds, without what it shares with others; undefined once it is gone, and where the
   * system does not tell.
   */
  residentBytes(pid: number): number | undefined;
  /** How many processors' time the system grants this program; Infinity where it sets no quota. */
  cpuQuota(): number;
  /** The path of the folder that this process works in, if it was deleted. */
  deletedFolder(): string | undefined;
}

export interface Signals {
  /** Whether a process has a handler for a signal: without one it would die of it. */
  isCaught(pid: number, signal: number): boolean;
}

/** An open piece of shared memory, as this process knows it: a descriptor or a handle. */
export type MemoryHandle = number;

/** By which processes find memory. */
export interface MemoryName {
  /** Of the layout: memory of another version is another memory. */
  readonly version: number;
  readonly heap: number;
  /** All programs of this user find it, not knowing the heap's number. */
  readonly ofMachine: boolean;
}

/** Memory that is looked for: that of a heap, of a machine or not, or the machine's, whatever its heap. */
export type SoughtMemory = Pick<MemoryName, "version"> & ({ readonly heap: number } | { readonly ofMachine: true });

/** Where a process may have memory open: a hint. */
export interface Member {
  readonly pid: number;
  readonly descriptor: MemoryHandle;
}

/** Memory of one user's processes. It is gone when the last process that has it open ends, however that ends. */
export interface Memory {
  /**
   * New memory of `bytes` bytes, sparse, that no other user can open. @throws OutOfMemoryError, OutOfDescriptorsError
   */
  create(name: MemoryName, bytes: number): MemoryHandle;
  /**
   * Memory that another process of this user has. `suits` is asked of each that may be it, and those that it refuses
   * are closed. Undefined when no living process has one.
   */
  find(sought: SoughtMemory, suits: (memory: MemoryHandle) => boolean, likely?: Member): MemoryHandle | undefined;
  close(memory: MemoryHandle): void;
  /**
   * The first words of it, before it is mapped; undefined when it is not of `bytes` bytes, or is no memory of
   * processes.
   */
  readHeader(memory: MemoryHandle, words: number, bytes: number): Int32Array | undefined;
  /** Writes them so that another process reads either all or none. */
  writeHeader(memory: MemoryHandle, header: Int32Array): void;
  /**
   * Maps all of it into this process and returns the address. Never unmapped: a live view over unmapped pages is a
   * crash.
   */
  map(memory: MemoryHandle, bytes: number): number;
  /** Whether this user's memory is mapped at that address, all of it. Throws what asking the system throws. */
  isMapped(memory: MemoryHandle, bytes: number, address: number): boolean;
  /** An ArrayBuffer over mapped memory. */
  view(address: number, bytes: number): ArrayBuffer;
  /**
   * Sets aside real memory for a part, so that touching it cannot kill the process. False when there is not enough.
   * `address`: where the whole is mapped.
   */
  commit(memory: MemoryHandle, at: number, bytes: number, address: number): boolean;
  /** Gives the pages of a part back to the system, where it can; then they read as zero afterwards. */
  discard(memory: MemoryHandle, at: number, bytes: number, address: number): void;
}

/**
 * Sleep and wake-up on a word of shared memory, in any process. It is named twice: systems that have no wait by address
 * go by its heap and its place there. One sleeper a word.
 */
export interface WordWait {
  /**
   * Sleeps while the word equals `expected`, at most `ms` milliseconds. May wake early. Where something must be made to
   * sleep on, it is made before the word is looked at.
   */
  wait(address: number, expected: number, ms: number, heap: number, at: number): void;
  /** Wakes the sleeper on the word. */
  wake(address: number, heap: number, at: number): void;
}

/** Where a worker's doorbell is: its heap, its slot and process there, and what it has published of it. */
export interface DoorbellPlace {
  readonly heap: number;
  readonly slot: number;
  readonly pid: number;
  /** From 1; 0 while there is none. */
  readonly word: number;
  /** Tells a doorbell from another that has its word by now. */
  readonly mark: number;
}

/** Wakes the event loop of a worker in another process. */
export interface Doorbells {
  /**
   * Has the calling worker's loop call `onRing` at each ring, without keeping the program alive. Undefined when there
   * is no descriptor for it.
   */
  install(heap: number, slot: number, onRing: () => true): Pick<DoorbellPlace, "word" | "mark"> | undefined;
  /** Something to ring it with; undefined when nobody listens there. */
  open(place: DoorbellPlace): Bell | undefined;
}

export interface Bell {
  /** Never waits, and never fails: a worker that does not hear it looks after a slice. */
  ring(): void;
  close(): void;
}

/** A child ends with its parent, whatever either is doing, and however the parent ends. */
export interface Lifeline {
  /** A new one: the end that a child inherits, and the one that its parent keeps open. */
  create(): { readonly childs: number; readonly parents: number };
  /** Called by the parent at once: the child may never come to `dieWhenClosed`. */
  killWhenClosed(childs: number, pid: number): void;
  /**
   * Called by the child, which runs from now on no longer than its parent. False when that has ended before: nobody
   * will kill it then.
   */
  dieWhenClosed(childs: number): boolean;
}

/** What a child has from its parent. */
export interface HandOver {
  /** What a child is given of memory, as a descriptor; undefined where it opens the memory by its name. */
  ofMemory(memory: MemoryHandle): number | undefined;
  /** In the child: the memory whose descriptor stands there, or that has the name. */
  memory(descriptor: number, sought: SoughtMemory): MemoryHandle;
  /**
   * A file with these bytes, one part behind the other, which stands in no folder: a descriptor that children inherit,
   * and read from by `fs`.
   */
  codeFile(parts: readonly Uint8Array[]): number;
  /** From here on reading from this descriptor fails with EAGAIN while there is nothing. */
  neverBlock(descriptor: number): void;
  /** Closes a descriptor that did not come from Node, which warns of one that it does not know. */
  close(descriptor: number): void;
}

/**
 * The lock under which the programs of one user find their machine's memory, or make it. It goes with its holder, and
 * no other user can keep it.
 */
export interface MachineLocks {
  /**
   * Alone, or with others who look. @throws AttachError when it cannot be made; OutOfDescriptorsError, PermissionError
   */
  take(alone: boolean, patience: LockPatience): MachineLock;
}

export interface MachineLock extends Disposable {
  /** False: another program keeps it. A process that has not got it may look, and make nothing. */
  readonly isHeld: boolean;
  /** What is said to whom it is kept from. */
  kept(): AttachError;
}
