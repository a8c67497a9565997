/**
 * Signals that come to all processes of a program at once: from a terminal (Ctrl-C, or that it was closed), a service
 * manager, a process manager. They are meant for the process that started the others, which ends them when it has no
 * more use for them; a child that followed them would be cut off while its parent still waits for its work.
 *
 * So a child ignores them while its parent lives; it never outlives that. A SIGTERM of `terminate()` is told from one
 * to the group by a word in shared memory, written first.
 * Rejected: a session of its own for each child. Service managers reach it all the same, and Ctrl-Z would no longer
 * stop it.
 */
import { requests } from "../parking/index.js";
import { flush } from "./output.js";

const GROUP_SIGNALS: readonly string[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** How many listeners for a signal are this file's, in a child. */
export function ownGroupListeners(signal: string): number {
  return GROUP_SIGNALS.includes(signal) ? 1 : 0;
}

/**
 * From here on this process ignores them, but for a SIGTERM once `isAsked`. A task that listens for one of them itself
 * decides what it does.
 */
export function outliveGroupSignals(isAsked: () => boolean): void {
  const terminated = () => {
    if (!isAsked() || process.listenerCount("SIGTERM") > 1) return;
    flush();
    process.off("SIGTERM", terminated);
    process.kill(process.pid, "SIGTERM");
  };
  for (const signal of GROUP_SIGNALS) process.on(signal, signal === "SIGTERM" ? terminated : () => {});
  // A signal is heard in the event loop only; a thread that is blocked in a wait of this library is rung for it (see
  // Completion.askToEnd).
  requests.add(terminated);
}
