/** What the library exports in a worker before the code of it is loaded is the same as what it exports elsewhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as library from "allcores";
import { Lock, Process, Queue, Thread, Value } from "allcores";
import { exported, kindsOf, made, nested, received } from "../fixtures/late-exports.js";

const TRUE = {
  instance: true,
  constructor: true,
  prototype: true,
  subclass: true,
  static: true,
  own: true,
  call: "TypeError",
  function: true,
};

for (const model of ["thread", "process"] as const) {
  const Worker = (model === "thread" ? Thread : Process) as typeof Process;

  test(`a ${model} exports what this program does`, async () => {
    assert.deepEqual(await Worker.start(exported).join(), kindsOf(library));
  });

  test(`what a ${model} makes is of the classes that it sees`, async () => {
    assert.deepEqual(await Worker.start(made).join(), TRUE);
  });

  test(`what a ${model} is given is of the classes that it sees`, async () => {
    const lock = new Lock({ across: "processes" });
    const queue = new Queue<number>({ across: "processes" });
    const value = new Value("int32", 1, { across: "processes" });
    assert.equal(await Worker.start(received, lock, queue, value).join(), lock);
    assert.equal(queue.getSync(), 2);
  });

  test(`a ${model} hands the library on to a worker of its own`, async () => {
    assert.deepEqual(await Worker.start(nested).join(), TRUE);
  });
}
