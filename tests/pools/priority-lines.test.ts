import assert from "node:assert/strict";
import { test } from "node:test";
import { PriorityLines, type LineMember } from "../../src/pools/priority-lines.js";
import { randomFrom } from "../fixtures/random.js";

class Job implements LineMember<Job> {
  readonly call: { readonly priority: number };
  readonly number: number;
  sooner: Job | undefined;
  later: Job | undefined;

  constructor(priority: number, number: number) {
    this.call = { priority };
    this.number = number;
  }
}

test("priorities: whatever comes, goes and returns, the next is the first of the highest", () => {
  const next01 = randomFrom(16);
  const random = (below: number) => Math.floor(next01() * below);
  const lines = new PriorityLines<Job>();
  /** The same in the plainest form. */
  let model: Job[] = [];
  const nextOf = () =>
    model.reduce<Job | undefined>(
      (best, job) => (best === undefined || job.call.priority > best.call.priority ? job : best),
      undefined,
    );
  for (let step = 0; step < 20_000; step++) {
    const choice = random(10);
    if (choice < 4) {
      const job = new Job(random(9) - 4, step);
      lines.push(job);
      model.push(job);
    } else if (choice < 5) {
      const job = new Job(random(9) - 4, step);
      lines.pushFront(job);
      model.unshift(job);
    } else if (choice < 8) {
      const next = nextOf();
      assert.equal(lines.take(), next);
      model = model.filter((job) => job !== next);
    } else if (model.length > 0) {
      const job = model[random(model.length)]!;
      lines.remove(job);
      model = model.filter((other) => other !== job);
    }
    assert.equal(lines.size, model.length);
    assert.equal(lines.first(), nextOf());
  }
});

test("priorities that were used once are not looked through: a hundred thousand deadlines, one after the other and all at once", () => {
  const lines = new PriorityLines<Job>();
  const many = 100_000;
  for (let n = 0; n < many; n++) {
    lines.push(new Job(-n - 1, n));
    assert.equal(lines.take()?.number, n);
  }
  for (let n = 0; n < many; n++) lines.push(new Job(-n - 1, n));
  for (let n = 0; n < many; n++) assert.equal(lines.take()?.number, n);
  assert.equal(lines.take(), undefined);
});
