/** The comparison: its words follow from its figures, its work is sized by what it measures, and it runs. */
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { calibrate } from "../../src/cli/tour/calibrate.js";
import { table } from "../../src/cli/table.js";
import { portrayComparison } from "../../src/cli/tour/chart.js";
import type { Comparison, ComparedResults } from "../../src/cli/tour/comparison.js";
import { digitsOfFactorial, factorial, factorialInSlices } from "../../src/cli/tour/factorial.js";
import { page } from "../../src/cli/tour/html.js";
import type { ComparedModel } from "../../src/cli/tour/job.js";
import { concurrencyAgainstParallelism, sentencesOf } from "../../src/cli/tour/sentences.js";
import { runCommand, temporaryFolder } from "../fixtures/command.js";
import { inForm } from "../form.js";
import { timeLimit } from "../time-limit.js";

const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true, force: true }));

/** ComparedResults of which serial takes 100 ms an item and each model is so many times as fast. */
function results(factors: Partial<Record<ComparedModel, number>>): ComparedResults {
  const all = Object.entries({ serial: 1, ...factors });
  return Object.fromEntries(
    all.map(([model, factor]) => [
      model,
      { items: 8, perItem: 100 / factor, startUp: 50, stall: model === "serial" ? 900 : 5, spread: 1.02 },
    ]),
  );
}
const machine = { processor: "<Test> & Co", cores: 2, node: "20.0.0", othersTake: 0.02 };
const job = (kind: "waiting" | "computing", factors: Partial<Record<ComparedModel, number>>) => ({
  kind,
  title: `${kind} <job>`,
  workers: 2,
  results: results(factors),
});
const computing = (factors: Partial<Record<ComparedModel, number>>, on = {}) =>
  sentencesOf(job("computing", factors), { ...machine, ...on }).join("\n");

const waits = job("waiting", { async: 34, asyncPool: 10, threads: 9.8, processes: 9.5, gil: 9.8 });
const works = job("computing", { async: 1.01, asyncPool: 1, threads: 1.92, processes: 1.85, gil: 0.97 });
const comparison: Comparison = { machine, runs: 1, jobs: [waits, works] };

describe("sentences", () => {
  test("name what won, with its figure", () => {
    const text = computing({ async: 1, threads: 1.92, processes: 1.85, gil: 0.97 });
    assert.match(text, /threads 1\.9x as fast as serial with 2 workers, processes 1\.9x/);
    assert.match(text, /Async computes on one core, all at once or not: 1\.0x/);
    assert.match(text, /compute one at a time: 1\.0x/);
    assert.match(text, /held the main event loop for 900 ms at a time, threads for 5 ms/);
    assert.match(
      computing({ threads: 1.3, processes: 1.8 }),
      /processes 1\.8x as fast as serial with 2 workers, threads 1\.3x/,
    );
  });

  test("say of no gain that it is one, and give the reason that there is", () => {
    const none = { async: 1, threads: 1.1, processes: 1, gil: 1 };
    assert.match(
      computing(none, { othersTake: 0.8 }),
      /gained nothing on 2 cores: other programs take 80 % of the processors/,
    );
    assert.match(computing(none), /gained nothing on 2 cores: the cores of this machine seem to be shared/);
    assert.match(computing(none, { cores: 1 }), /one core only/);
    for (const on of [{}, { othersTake: 0.8 }, { cores: 1 }])
      assert.doesNotMatch(computing(none, on), /1\.[01]x as fast|Computing needs cores/);
    assert.doesNotMatch(
      sentencesOf(job("waiting", { async: 1, threads: 1, processes: 1, gil: 1 }), machine).join("\n"),
      /as fast as|at a time: /,
    );
  });

  test("say that the machine is too busy where the same work took longer a moment later, and claim no gain below it", () => {
    const works = job("computing", { async: 1, asyncPool: 1, threads: 1.9, processes: 0.9, gil: 1 });
    const { processes } = works.results;
    const told = (spread: number) =>
      sentencesOf({ ...works, results: { ...works.results, processes: { ...processes!, spread } } }, machine).join(
        "\n",
      );
    assert.match(told(2.1), /too busy to tell: the same work took 2\.1 times as long/);
    assert.match(told(2.1), /Threads measured 1\.9x, processes 0\.9x: less than that noise/);
    assert.doesNotMatch(told(2.1), /Computing needs cores|gained nothing/);
    assert.match(told(1.4), /too busy to tell: [\s\S]*Computing needs cores: threads 1\.9x/);
    assert.doesNotMatch(told(1.1), /too busy/);
    const unlike = job("computing", { async: 0.6, asyncPool: 1, threads: 1.5, processes: 1.5, gil: 1 });
    assert.match(sentencesOf(unlike, machine).join("\n"), /the same work took 1\.7 times as long/);
  });

  test("doubt what cannot be", () => {
    assert.match(
      computing({ async: 1.5, threads: 1.9, processes: 1.9, gil: 1.4 }),
      /Async measured 1\.5x, which one core cannot give[\s\S]*global lock measured 1\.4x/,
    );
  });

  test("set concurrency against parallelism only where both were seen", () => {
    const { rows, sentences } = concurrencyAgainstParallelism([waits, works]);
    assert.deepEqual(
      rows.slice(1).map((row) => row.slice(1)),
      [
        ["34x", "9.8x (2)"],
        ["1.0x", "1.9x (2)"],
      ],
    );
    assert.equal(sentences.length, 3);
    assert.equal(
      concurrencyAgainstParallelism([waits, job("computing", { async: 1, threads: 1 })]).sentences.length,
      1,
    );
  });

  test("do without what was not measured", () => {
    const text = portrayComparison({
      ...comparison,
      jobs: [job("waiting", { async: 3 }), job("computing", { async: 1, threads: 1.9 })],
    });
    assert.doesNotMatch(text, /undefined|NaN|processes -/);
  });
});

test("the chart's longest bar is that of the fastest, and columns line up in Chinese too", () => {
  const text = portrayComparison(comparison);
  const bars = [...text.matchAll(/ {2}(█+) ([\d.]+)x/g)].map(([, bar, factor]) => [bar!.length, Number(factor)]);
  assert.deepEqual(
    Math.max(...bars.slice(6).map(([length]) => length!)),
    bars.slice(6).find(([, factor]) => factor === 1.9)![0],
  );
  assert.equal(
    table([
      ["名", "a"],
      ["ab", "b"],
    ]),
    "名  a\nab  b",
  );
});

test("the page holds all figures, and no markup of others", () => {
  const text = page(comparison);
  assert.match(text, /&lt;Test&gt; &amp; Co/);
  assert.doesNotMatch(text, /<Test>|<job>|https?:|<script/);
  for (const figure of ["34x", "9.8x", "1.9x"]) assert.ok(text.includes(figure), figure);
});

test("factorials are checked by their number of digits, in slices or not", () => {
  for (const n of [1000, 20_001, 99_999]) {
    const whole = factorial(n);
    assert.equal(whole.toString(16).length, digitsOfFactorial(n));
    const slices = factorialInSlices(1, n);
    let step = slices.next();
    while (!step.done) step = slices.next();
    assert.equal(step.value, whole);
  }
});

test("a calibration finds the size, whatever the first one was", () => {
  const spin = (size: number): void => {
    const end = performance.now() + size / 100;
    while (performance.now() < end);
  };
  for (const first of [10, 3000, 40_000]) {
    const size = calibrate(spin, 100, first, 1);
    assert.ok(size > 5000 && size < 15_000, `${size}`);
  }
});

describe("on this machine", { concurrency: 1, timeout: timeLimit(300_000) }, () => {
  test("bench measures every model, and writes its page", {
    skip: inForm<string | false>({ short: "takes half a minute", whole: false }),
  }, async () => {
    const file = join(folder, "bench.html");
    const { code, out, err } = await runCommand(["bench", "--runs", "1", "--json", "--html", file]);
    assert.equal(code, 0, err);
    const { jobs } = JSON.parse(out) as Comparison;
    assert.deepEqual(
      jobs.map(({ kind }) => kind),
      ["waiting", "computing", "computing"],
    );
    for (const { results } of jobs)
      assert.deepEqual(Object.keys(results), ["serial", "async", "asyncPool", "threads", "processes", "gil"]);
    for (const { results } of jobs.slice(1))
      assert.ok(results.threads!.items >= 8 && results.async!.items < results.threads!.items / 3);
    assert.match(readFileSync(file, "utf8"), /<h1>allcores bench<\/h1>/);
  });

  test("a page that cannot be written is named", {
    skip: inForm<string | false>({ short: "takes half a minute", whole: false }),
  }, async () => {
    const { code, err } = await runCommand(["bench", "--runs", "1", "--html", join(folder, "no/such/folder.html")]);
    assert.equal(code, 6);
    assert.match(err, /its folder does not exist/);
  });
});
