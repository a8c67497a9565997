/** What sharing memory between processes asks of an operating system. One file per platform implements it. */
export interface Platform {
  /** A new anonymous memory file of `bytes` bytes, sparse; gone when the last process that has it open ends. */
  createMemory(label: string, bytes: number): number;
  /** Lets only this user open the file, whatever the umask. Not by Node's `fchmod`, which its permission model refuses to everybody. */
  keepToOwner(descriptor: number): void;
  /** Maps the file into this process and returns the address. Never unmapped: a live view over unmapped pages is a crash. */
  map(descriptor: number, bytes: number): number;
  /** An ArrayBuffer over mapped memory. */
  view(address: number, bytes: number): ArrayBuffer;
  /** Sets aside real memory for a part of the file, so that touching it cannot kill the process. False when there is not enough. */
  reserve(descriptor: number, at: number, bytes: number): boolean;
  /** Gives the pages of a part of the file back to the system; they read as zero afterwards. */
  discard(descriptor: number, at: number, bytes: number): void;
  /** Sleeps while the word at `address` equals `expected`, at most `ms` milliseconds. May wake early. */
  wait(address: number, expected: number, ms: number): void;
  /** Wakes up to `count` sleepers on the word at `address`, in any process. */
  wake(address: number, count: number): void;
  /** Takes the kernel's lock on an open file, shared or alone, without waiting; false while another has it. It goes with the descriptor. */
  lock(descriptor: number, alone: boolean): boolean;
  /** A new pipe, both ends behind one descriptor, so that it never reports an end: non-blocking, closed in children. Undefined when there is none to be had. */
  pipe(): number | undefined;
  /** From here on reading from this descriptor fails with EAGAIN while there is nothing. */
  neverBlock(descriptor: number): void;
  /** Ends this process here and now, by the system call. */
  exit(code: number): never;
  /** A new pipe that nothing is ever written to, closed in children that are not given it: the end that a child gets, and the one that its parent keeps. */
  lifeline(): { readonly childs: number; readonly parents: number };
  /** Closes a descriptor that did not come from Node, which warns of one that it does not know. */
  close(descriptor: number): void;
  /** Has the kernel kill a process as soon as the other side of this lifeline is closed, whatever that process is doing. It counts for all who have inherited this end. */
  killWhenClosed(descriptor: number, pid: number): void;
  /** The same for this process. False when the other side was closed before: nobody will kill it then. */
  dieWhenClosed(descriptor: number): boolean;
}
