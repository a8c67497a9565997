import type { ChildProcess } from "node:child_process";
import { mainProgram } from "../codec/index.js";
import { type ProcessHeap, processHeap } from "../memory/index.js";
import { Child, type ChildWatch } from "./child.js";
import { inheritedOptions } from "./node-options.js";
import { lineOf } from "./orders.js";
import type { ProcessWork } from "./process-start.js";
import { programArguments } from "./program-arguments.js";
import { Spares } from "./spares.js";
import { ordersOf, spawnChild } from "./spawn-child.js";
import { PROGRAMS_OWN } from "./worker-environment.js";

/** What a socket takes at once, whatever it has. A longer task, as one of a `data:` URL, gets a fresh process. */
const MOST_CHARACTERS = 4096;

/** A process that was started ahead: it waits for its work at the socket of orders. */
class SpareProcess {
  readonly conditions: string;
  readonly #child: Child;

  constructor(conditions: string, ended: () => void) {
    const heap = processHeap() as ProcessHeap;
    this.conditions = conditions;
    this.#child = new Child(
      () => spawnChild({ kind: "spare", heapId: heap.id, name: "Spare", url: "", task: "", place: 0 }, PROGRAMS_OWN),
      {
        hasBegun: () => true,
        ended,
      },
    );
    this.#child.hold(false);
  }

  get isGone(): boolean {
    return this.#child.isGone;
  }

  use(work: ProcessWork, spawn: () => ChildProcess, watch: ChildWatch): Child {
    this.#child.passTo(spawn, watch);
    ordersOf(this.#child.process)?.write(lineOf(JSON.stringify(work)));
    return this.#child;
  }

  end(): void {
    this.#child.end("SIGKILL");
  }
}

class SpareProcesses extends Spares<SpareProcess> {
  /** One for this work. */
  override take(work?: ProcessWork): SpareProcess | undefined {
    return work !== undefined && lineOf(JSON.stringify(work)).length > MOST_CHARACTERS ? undefined : super.take();
  }
}

/** What a process has of the program as it was when it started. */
function conditions(): string {
  return JSON.stringify([
    process.env,
    programArguments(),
    inheritedOptions(),
    process.cwd(),
    process.execPath,
    mainProgram(),
  ]);
}

export const spareProcesses = new SpareProcesses(
  conditions,
  (conditions, ended) => new SpareProcess(conditions, ended),
);
