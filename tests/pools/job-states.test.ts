import assert from "node:assert/strict";
import { test } from "node:test";
import { type JobState, JobStates, StatedJob } from "../../src/pools/job-states.js";

class Job extends StatedJob {}
const holder = { hasBegun: () => true };

/** How a job comes into each state, from the beginning. */
const ways: Record<JobState, (states: JobStates, job: Job) => void> = {
  held: () => {},
  queued: (states, job) => states.queue(job),
  assigned: (states, job) => states.assign(job, holder),
  running: (states, job) => {
    states.assign(job, holder);
    states.begin(job);
  },
  abandoned: (states, job) => {
    states.assign(job, holder);
    states.settle(job);
  },
  delayed: (states, job) => states.delay(job),
  settled: (states, job) => states.settle(job),
};

/** What each transition makes of each state; all others are refused. */
const table: Record<string, Partial<Record<JobState, JobState>>> = {
  queue: { held: "queued" },
  unqueue: { queued: "held" },
  assign: { held: "assigned" },
  begin: { assigned: "running" },
  takeBack: { assigned: "held" },
  release: { assigned: "held", running: "held", abandoned: "settled" },
  delay: { held: "delayed" },
  undelay: { delayed: "held" },
  settle: { held: "settled", assigned: "abandoned", running: "abandoned" },
};

for (const [name, follows] of Object.entries(table))
  for (const from of Object.keys(ways) as JobState[]) {
    const to = follows[from];
    test(`${name} of a job that is ${from} ${to === undefined ? "is refused, and changes nothing" : `makes it ${to}`}`, () => {
      const states = new JobStates();
      const job = new Job();
      ways[from](states, job);
      const move = () => (states[name as keyof JobStates] as (job: Job, holder: object) => void)(job, holder);
      if (to === undefined)
        assert.throws(move, { code: "ERR_ALLCORES_STATE", message: new RegExp(`is ${from} cannot become`) });
      else move();
      const now = to ?? from;
      assert.equal(job.state, now);
      assert.equal(job.isOver, now === "abandoned" || now === "settled");
      const isWithWorker = now === "assigned" || now === "running" || now === "abandoned";
      assert.equal(job.holder, isWithWorker ? holder : undefined);
      assert.equal(states.inFlight, isWithWorker ? 1 : 0);
      for (const state of ["queued", "assigned", "running", "abandoned", "delayed"] as const)
        assert.equal(states.count(state), state === now ? 1 : 0);
    });
  }
