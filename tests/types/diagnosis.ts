/** What the compiler accepts of the deadlock detector and dumps, and what it must refuse. */
import {
  DeadlockError,
  type DeadlockReport,
  detectDeadlocks,
  dumpOnSignal,
  onDeadlock,
  type Snapshot,
  snapshot,
} from "allcores";

export function accepted(error: DeadlockError): void {
  detectDeadlocks({});
  detectDeadlocks({ after: 500, action: "report", print: false, stacks: true });
  using _listening = onDeadlock((report) =>
    report.members.map(({ waitsFor, worker }) => `${worker.name} ${waitsFor.kind}`),
  );
  using _dumping = dumpOnSignal("SIGUSR2");
  error.report satisfies DeadlockReport | undefined;
  error.report?.kind satisfies "cycle" | "abandoned" | "pool" | undefined;
  snapshot() satisfies Snapshot;
  snapshot().workers[0]?.waits[0]?.how satisfies "blocking" | "awaiting" | undefined;
  new DeadlockError("for ever");
}

export function refused(report: DeadlockReport): void {
  // @ts-expect-error options are an object
  detectDeadlocks();
  // @ts-expect-error one of three words
  detectDeadlocks({ action: "kill" });
  // @ts-expect-error milliseconds
  detectDeadlocks({ after: "1 s" });
  // @ts-expect-error a signal is called by its name
  dumpOnSignal(12);
  // @ts-expect-error a report is read only
  report.members.length = 0;
}
