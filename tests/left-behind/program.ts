/**
 * Makes calls of the table some thousand times each, or starts fifty times, and says what each left behind: `program.js
 * calls PART OF`, `program.js start NAME`.
 */
import { detectDeadlocks, isMain } from "allcores";
import { calls, dearCalls, endAll, type Row } from "./calls.js";
import { type Bounds, leftBehind, takeStock } from "./left-behind.js";
import { starts } from "./starts.js";
import { inForm } from "../form.js";

const CALLS = inForm({ short: 1000, whole: 10_000 });
const DEAR_CALLS = inForm({ short: 100, whole: 1000 });
/** Of six ways that go by turns, one that leaves something each time is found by both: see MADE_ONCE. */
const STARTS = inForm({ short: 30, whole: 50 });
/** What is remembered once, in bytes, however many calls there are. */
const ONCE = 400_000;
const ONCE_SHARED = 12_288;
/**
 * A call that leaves a reaction of a promise, a timer, a listener or an object leaves more. Less are what is remembered
 * once, what the collector has not seen, and the ledger of what this worker holds, which stays as long as it ever was.
 */
const BOUNDS: Bounds = { heap: 40 * CALLS + ONCE, shared: 8 * CALLS + ONCE_SHARED };
const BOUNDS_OF_DEAR: Bounds = { heap: 400 * DEAR_CALLS + ONCE, shared: 8 * DEAR_CALLS + ONCE_SHARED };
const BOUNDS_OF_STARTS: Bounds = { heap: 20_000 * STARTS + ONCE, shared: 200 * STARTS };
/** What still moves after a row, a worker that ends, gets so many more looks. */
const LOOKS = 40;

async function check(
  name: string,
  bounds: Bounds,
  warmUp: () => Promise<void>,
  run: () => Promise<void>,
): Promise<void> {
  await warmUp();
  const before = await takeStock();
  await run();
  let found = leftBehind(before, await takeStock(), bounds);
  for (let look = 0; found.length > 0 && look < LOOKS; look++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    found = leftBehind(before, await takeStock(), bounds);
  }
  if (found.length > 0) console.log(JSON.stringify({ name, found }));
}

/** Awaits only what is a promise, so that calls that block or ask cost no turn. */
async function repeat(call: () => unknown, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    const ended = call();
    if (typeof ended === "object" && ended !== null && "then" in ended) await ended;
    // Finalizers run between turns only.
    else if (time % 1000 === 999) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function checkCalls(rows: readonly [string, Row][], times: number, bounds: Bounds): Promise<void> {
  for (const [name, row] of rows) {
    try {
      const call = row();
      await check(
        name,
        bounds,
        () => repeat(call, times / 10),
        () => repeat(call, times),
      );
    } catch (error) {
      console.log(JSON.stringify({ name, failed: String(error) }));
    }
  }
}

if (isMain(import.meta)) {
  const [kind, first, second] = process.argv.slice(2);
  // The objects that rows serve wait for calls that nobody makes any more.
  detectDeadlocks({ print: false });
  if (kind === "calls") {
    const part = (all: Readonly<Record<string, Row>>) =>
      Object.entries(all).filter((_, index) => index % Number(second) === Number(first));
    await checkCalls(part(calls), CALLS, BOUNDS);
    await checkCalls(part(dearCalls), DEAR_CALLS, BOUNDS_OF_DEAR);
    await endAll();
  } else {
    const { start } = starts[first!]!;
    const repeated = async (times: number) => {
      for (let nth = 0; nth < times; nth++) await start(nth);
    };
    await check(
      first!,
      BOUNDS_OF_STARTS,
      () => repeated(6),
      () => repeated(STARTS),
    );
  }
  console.log("done");
}
