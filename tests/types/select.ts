/** What the compiler accepts and refuses; nothing here runs. */
import {
  after,
  type Choice,
  Event,
  type Future,
  type Held,
  Lock,
  Queue,
  type RHeld,
  RLock,
  RWLock,
  Semaphore,
  select,
  selectable,
  selectSync,
  type Thread,
  trySelect,
} from "allcores";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => {};
}

declare const sum: Future<number>;
declare const thread: Thread<(a: number) => Promise<string>>;

export async function selects(): Promise<void> {
  const jobs = new Queue<{ id: number }>();
  const chosen = await select(
    { job: jobs, stop: new Event(), tick: after(5) },
    { timeout: 5, signal: AbortSignal.timeout(5) },
  );
  expectType<"job" | "stop" | "tick">()(chosen.key, true);
  if (chosen.key === "job") expectType<{ id: number }>()(chosen.value, true);
  else expectType<undefined>()(chosen.value, true);

  const held = selectSync({ lock: new Lock(), permit: new Semaphore(1), again: new RLock() }, { timeout: 5 });
  if (held.key === "again") expectType<RHeld>()(held.value, true);
  else expectType<Held>()(held.value, true);
  using _ = held.value;

  const ended = await select({ sum, thread, text: Promise.resolve("text"), nested: Promise.resolve(sum) });
  if (ended.key === "sum" || ended.key === "nested") expectType<number>()(ended.value, true);
  else expectType<string>()(ended.value, true);

  const tried = trySelect({ job: jobs });
  expectType<{ id: number } | undefined>()(tried?.value, true);

  class Ids {
    [selectable](): Choice<number> {
      return jobs[selectable]().map(({ id }) => id);
    }
  }
  expectType<number>()((await select({ id: new Ids() })).value, true);

  interface Desk {
    readonly jobs: Queue<string>;
    readonly bell: Event;
  }
  const desk: Desk = { jobs: new Queue<string>(), bell: new Event() };
  const atDesk = selectSync(desk);
  if (atDesk.key === "jobs") expectType<string>()(atDesk.value, true);

  const byName: Record<string, Queue<number>> = {};
  expectType<{ readonly key: string; readonly value: number }>()(selectSync(byName), true);

  // @ts-expect-error what is waited for must be named
  select(jobs);
  // @ts-expect-error what is waited for must be named
  select([jobs]);
  // @ts-expect-error a number cannot be waited for: after(5) can
  select({ job: jobs, tick: 5 });
  // @ts-expect-error it has two kinds of holds: there is no saying which
  select({ lock: new RWLock() });
  // @ts-expect-error a blocking wait cannot be aborted
  selectSync({ job: jobs }, { signal: AbortSignal.timeout(5) });
  // @ts-expect-error it never waits
  trySelect({ job: jobs }, { timeout: 5 });
  // @ts-expect-error there may be none
  trySelect({ job: jobs }).key;
  // @ts-expect-error there is no such key
  if (chosen.key === "none") return;
  // @ts-expect-error only after a look at the key
  chosen.value.id;
  // @ts-expect-error only a choice can be chosen
  select({ own: { [selectable]: () => jobs } });
}
