// A reporter of node:test for one test file, run in its process: a line of JSON for each test that begins or ends, and
// one for what the file took of the processors. The lines are written at once: a file that is killed has told of all
// that came before.
import { openSync, readFileSync, writeSync } from "node:fs";
import { Transform } from "node:stream";
import { inspect } from "node:util";

const record = process.env.ALLCORES_TEST_RECORD;
const descriptor = record === undefined ? undefined : openSync(record, "a");
// The programs that tests start write no lines of their own.
delete process.env.ALLCORES_TEST_RECORD;
// Stacks name the sources. Not as an option, which all workers and programs of the test would inherit: it costs each of
// them a tenth of its start.
process.setSourceMapsEnabled(true);
// A worker that loads its task from a test file has this reporter by its options, and no record.
const say = (line) => {
  if (descriptor !== undefined) writeSync(descriptor, `${JSON.stringify(line)}\n`);
};

process.on("exit", () => say({ wholeFile: processorSeconds() }));

const path = [];
let before = processorSeconds();
/** Since the last time: what a test took, with the programs that it waited for. */
function processorSecondsSince() {
  const now = processorSeconds();
  const since = now - before;
  before = now;
  return since;
}

export default new Transform({
  writableObjectMode: true,
  transform({ type, data }, _encoding, done) {
    if (type === "test:start" || type === "test:pass" || type === "test:fail") {
      path.length = data.nesting;
      path.push(data.name);
      const name = path.join(" > ");
      if (type === "test:start") say({ begun: name });
      else
        say({
          ended: name,
          isSuite: data.details.type === "suite",
          outcome: outcomeOf(type, data),
          milliseconds: data.details.duration_ms,
          processorSeconds: processorSecondsSince(),
          ...failureOf(data),
        });
    }
    done();
  },
});

function outcomeOf(type, { skip, todo }) {
  if (skip !== undefined) return "skipped";
  if (todo !== undefined) return "todo";
  return type === "test:pass" ? "passed" : "failed";
}

function failureOf({ details: { error } }) {
  if (error === undefined) return {};
  // What node:test wraps is what the test threw; a limit that ran out and a test that was called off have no cause.
  const cause = error.cause ?? error;
  return {
    kind: error.failureType,
    message: String(cause?.message ?? cause),
    text: typeof cause === "string" ? cause : inspect(cause),
  };
}

/** Of this process and of all children it has waited for. */
function processorSeconds() {
  const fields = readFileSync("/proc/self/stat", "latin1").split(") ").at(-1).split(" ");
  const ticksPerSecond = 100;
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
}
