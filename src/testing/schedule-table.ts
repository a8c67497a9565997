/**
 * A failing schedule for a reader: one row a step that others could see, one column a worker, with the lines of the
 * source.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import {
  BEGIN,
  CLOCK,
  EVENT,
  LIFE,
  NOTIFY,
  PAUSE,
  READ,
  READ_DATA,
  READ_PLAIN,
  UPDATE,
  WAIT,
  WAKE,
  WRITE,
  WRITE_DATA,
  WRITE_PLAIN,
} from "../platform/controlled-atomics.js";
import { CLOCK_MEMORY } from "./control-block.js";
import type { Places } from "./places.js";
import type { Trace } from "./trace.js";

const STEP_WIDTH = 7;
const WIDEST = 72;
const MOST_ROWS = 200;

interface Frame {
  readonly path: string;
  readonly line: number;
}

/** Where an operation was: in the program, and in the library below it. */
interface Site {
  readonly program: Frame | undefined;
  readonly library: Frame | undefined;
}

const isTestKit = (path: string): boolean =>
  /[\\/]src[\\/]testing[\\/]|[\\/]controlled-atomics\.[jt]s|[\\/]dist[\\/]testing[\\/](entry|chunk)/.test(path);
const isLibrary = (path: string): boolean =>
  /[\\/]src[\\/](memory|codec|sync|shared|channels|futures|workers|pools|tasks|errors)[\\/]|[\\/]dist[\\/]testing[\\/]/.test(
    path,
  );

function sitesOf(stack: string): Site {
  let program: Frame | undefined;
  let library: Frame | undefined;
  for (const text of stack.split("\n").slice(1)) {
    const match = /\(?((?:file:\/\/|\/)[^()]*?):(\d+):\d+\)?$/.exec(text.trim());
    if (match === null) continue;
    const path = match[1]!.startsWith("file:") ? fileURLToPath(match[1]!) : match[1]!;
    if (isTestKit(path) || path.startsWith("node:")) continue;
    const frame = { path, line: Number(match[2]) };
    if (isLibrary(path)) library ??= frame;
    else {
      program = frame;
      break;
    }
  }
  return { program, library };
}

export class ScheduleTable {
  readonly #trace: Trace;
  readonly #places: Places;
  readonly #sites = new Map<number, Site>();
  readonly #marked: ReadonlySet<number>;
  readonly #sources = new Map<string, string[]>();
  /** What comes after everybody slept is the explorer's doing. */
  readonly #end: number;

  readonly #internals: boolean;

  /**
   * `stacks`: where each decision's operation was; `marked`: decisions that the failure is about; `internals`: whether
   * the library's own words are shown.
   */
  constructor(
    trace: Trace,
    places: Places,
    stacks: ReadonlyMap<number, string>,
    marked: readonly number[],
    internals: boolean,
  ) {
    this.#internals = internals;
    this.#trace = trace;
    this.#places = places;
    this.#marked = new Set(marked);
    this.#end = trace.rescuedAt();
    for (const [decision, stack] of stacks) this.#sites.set(decision, sitesOf(stack));
  }

  toString(): string {
    const trace = this.#trace;
    const shared = this.#sharedLocations();
    const rows: string[][] = [];
    const lines = new Map<number, string>();
    let skipped = 0;
    let told: { text: string; thread: number; times: number; row: string[] | undefined } = {
      text: "",
      thread: -1,
      times: 0,
      row: undefined,
    };
    for (let decision = 0; decision < this.#end; decision++) {
      const thread = trace.chosen(decision);
      const program = this.#programLine(decision);
      if (program !== undefined && program !== lines.get(thread)) {
        lines.set(thread, program);
        rows.push(this.#row("", thread, program));
      }
      if (!this.#marked.has(decision) && !this.#isTelling(decision, shared)) {
        skipped++;
        continue;
      }
      const text = `  ${this.#tell(decision)}`;
      if (text === told.text && thread === told.thread) {
        // Turning in circles: one row, with how often.
        told.times++;
        told.row![1 + thread] = `${text} (${told.times} times)`;
        continue;
      }
      const row = this.#row(`${decision}${this.#marked.has(decision) ? " !" : ""}`, thread, text);
      told = { text, thread, times: 1, row };
      rows.push(row);
    }
    const shown =
      rows.length > MOST_ROWS
        ? [...rows.slice(0, MOST_ROWS / 2), this.#row("...", 0, ""), ...rows.slice(-MOST_ROWS / 2)]
        : rows;
    const threads = Array.from({ length: trace.threads }, (_, thread) => thread);
    const head = ["step", ...threads.map((thread) => `worker ${thread}`)];
    const widths = head.map((_, column) =>
      column === 0 ? STEP_WIDTH : Math.min(WIDEST, Math.max(...[head, ...shown].map((cells) => cells[column]!.length))),
    );
    const rule = widths.map((width) => "-".repeat(width));
    const text = [head, rule, ...shown].map((cells) =>
      cells
        .map((cell, column) => fit(cell, widths[column]!))
        .join("  ")
        .trimEnd(),
    );
    if (this.#end < trace.length) text.push("then everybody sleeps");
    return `${text.join("\n")}\n(${skipped} steps that no other worker could notice are left out)`;
  }

  /** The lines of the program at these decisions. */
  placesOf(decisions: readonly number[]): string {
    return decisions
      .map(
        (decision) => `worker ${this.#trace.chosen(decision)} at ${this.#programLine(decision) ?? `step ${decision}`}`,
      )
      .join(", ");
  }

  /** What a worker did last before everybody slept; undefined when it has ended or died. */
  lastOf(thread: number): string | undefined {
    for (let decision = this.#end - 1; decision >= 0; decision--) {
      if (this.#trace.chosen(decision) !== thread) continue;
      if (this.#trace.killed(decision)) return undefined;
      const operation = this.#trace.operation(decision);
      const waits = operation === WAIT || operation === PAUSE || operation === EVENT || operation === WAKE;
      return `${waits ? "waits" : "was last"} at ${this.#programLine(decision) ?? this.#tell(decision)}`;
    }
    return undefined;
  }

  #row(step: string, thread: number, text: string): string[] {
    return [step, ...Array.from({ length: this.#trace.threads }, (_, other) => (other === thread ? text : ""))];
  }

  #programLine(decision: number): string | undefined {
    const frame = this.#sites.get(decision)?.program;
    if (frame === undefined) return undefined;
    const source = this.#lineOf(frame);
    return `${basename(frame.path)}:${frame.line}${source === "" ? "" : ` ${source}`}`;
  }

  #lineOf({ path, line }: Frame): string {
    let lines = this.#sources.get(path);
    if (lines === undefined) {
      try {
        lines = readFileSync(path, "utf8").split("\n");
      } catch {
        lines = [];
      }
      this.#sources.set(path, lines);
    }
    return lines[line - 1]?.trim().replace(/;$/, "") ?? "";
  }

  #tell(decision: number): string {
    const trace = this.#trace;
    if (trace.killed(decision)) return "dies";
    const late = trace.fired(decision) ? "time runs out; " : "";
    const place = this.#places.nameOf(trace.memory(decision), trace.place(decision));
    const old = this.#value(decision, trace.old(decision));
    const now = this.#value(decision, trace.now(decision));
    const library = this.#sites.get(decision)?.library;
    const where = library === undefined || !this.#internals ? "" : ` (${basename(library.path)}:${library.line})`;
    switch (trace.operation(decision)) {
      case BEGIN:
        return "begins";
      case READ:
      case READ_PLAIN:
      case READ_DATA:
        return `${late}reads ${place}: ${now}${where}`;
      case WRITE:
      case WRITE_PLAIN:
      case WRITE_DATA:
        return `${late}${place}: ${old} -> ${now}${where}`;
      case UPDATE:
        return trace.wrote(decision)
          ? `${late}${place}: ${old} => ${now}${where}`
          : `${late}${place} stays: ${old}${where}`;
      case NOTIFY:
        return now === "0"
          ? `rings for nobody${where}`
          : `wakes ${place.replace(/^record of (.*)\.(blocking|doorbell)$/, "$1")}${where}`;
      case WAIT:
        return this.#internals ? `looks at ${place}, to sleep${where}` : "sleeps";
      case PAUSE:
        return "sleeps";
      case WAKE:
        return `${late}wakes`;
      case EVENT:
        return `${late}${trace.memory(decision) === CLOCK_MEMORY ? "a timer is due" : "its loop is rung"}`;
      case CLOCK:
        return `${late}reads the clock`;
      case LIFE:
        return `asks whether ${place} is alive`;
    }
    return `${late}goes on`;
  }

  #value(decision: number, value: number): string {
    return this.#places.valueOf(this.#trace.memory(decision), this.#trace.place(decision), value);
  }

  #sharedLocations(): Set<number> {
    const trace = this.#trace;
    const users = new Map<number, number>();
    const written = new Set<number>();
    for (let decision = 0; decision < trace.length; decision++) {
      if (trace.operation(decision) === undefined) continue;
      const location = trace.location(decision);
      users.set(location, (users.get(location) ?? 0) | (1 << trace.chosen(decision)));
      if (trace.wrote(decision)) written.add(location);
    }
    return new Set([...written].filter((location) => (users.get(location)! & (users.get(location)! - 1)) !== 0));
  }

  #isTelling(decision: number, shared: ReadonlySet<number>): boolean {
    const trace = this.#trace;
    const operation = trace.operation(decision);
    if (trace.killed(decision) || trace.fired(decision)) return true;
    if (operation === undefined || operation === CLOCK) return false;
    if (
      operation === BEGIN ||
      operation === WAKE ||
      operation === EVENT ||
      operation === PAUSE ||
      operation === WAIT ||
      operation === NOTIFY
    )
      return true;
    if (
      !shared.has(trace.location(decision)) ||
      (!this.#internals && this.#places.isInternal(trace.memory(decision), trace.place(decision)))
    )
      return false;
    // Reading plainly, or in vain, tells little, unless it is the program's own.
    return trace.wrote(decision) || operation === READ_DATA || operation === UPDATE;
  }
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}
