/** What the compiler infers of tasks and workers, and what it must refuse. */
import { currentWorker, Process, type Task, task, Thread, WorkerLocal } from "allcores";

const add = task(import.meta, function add(a: number, b: number) {
  return a + b;
});
const first = task(import.meta, async function first<T>(values: T[]): Promise<T | undefined> {
  return values[0];
});

export async function accepted(): Promise<void> {
  add(1, 2) satisfies number;
  add.partial(1)(2) satisfies number;
  (await first(["x"])) satisfies string | undefined;
  (await Thread.start(add, 1, 2).join()) satisfies number;
  Process.start(add, 1, 2).joinSync() satisfies number;
  (await new Thread(add, { args: [1, 2], name: "adder", daemon: true }).start().join({ timeout: 5 })) satisfies number;
  (await Process.start(add.partial(1), 2).join()) satisfies number;
  await using worker = Thread.start(add, 1, 2);
  worker.exitCode satisfies number | undefined;
  new WorkerLocal(() => 1).value satisfies number;
  currentWorker().slot satisfies number | undefined;
  add satisfies Task<(a: number, b: number) => number>;
}

export function refused(): void {
  // @ts-expect-error outside of a pool there is none
  currentWorker().slot satisfies number;
  // @ts-expect-error a closure is no task
  Thread.start(() => 1);
  // @ts-expect-error a plain function is no task
  new Process(function work() {});
  // @ts-expect-error an argument is missing
  Thread.start(add, 1);
  // @ts-expect-error an argument has the wrong type
  Process.start(add, 1, "2");
  // @ts-expect-error args is a tuple of the task's parameters
  new Thread(add, { args: [1, "2"] });
  // @ts-expect-error the rest of a partial task
  Thread.start(add.partial(1), "2");
  // @ts-expect-error the result is a number
  Thread.start(add, 1, 2).joinSync() satisfies string;
}
