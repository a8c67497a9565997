/** Where the calls of one task go. */
import type { TaskChoice } from "../pools/choosing-pool.js";
import { Sight } from "./sight.js";

export type RouteModel = "async" | "thread" | "process";

/** Errors by which a thread says that only a process can do this. */
const NEEDS_A_PROCESS = new Set(["ERR_WORKER_UNSUPPORTED_OPERATION", "ERR_DLOPEN_FAILED"]);

export class Route {
  readonly name: string;
  readonly sight = new Sight();
  readonly #excluded = new Map<RouteModel, string>();
  #model: RouteModel | undefined;
  #reason = "its first calls are being watched";

  /** `excluded`: what the pool's options leave out. */
  constructor(name: string, excluded: ReadonlyMap<RouteModel, string>) {
    this.name = name;
    for (const [model, reason] of excluded) this.#excluded.set(model, reason);
  }

  /** Undefined while it is not decided. */
  get model(): RouteModel | undefined {
    return this.#model;
  }

  get reason(): string {
    return this.#reason;
  }

  isExcluded(model: RouteModel): boolean {
    return this.#excluded.has(model);
  }

  /** Decides by what was seen. */
  decide(): RouteModel {
    const { sight } = this;
    if (!sight.waits) return this.#become("thread", `it does not leave its event loop to others: ${sight.description}`);
    const why = this.#excluded.get("async");
    if (why === undefined) return this.#become("async", `it waits: ${sight.description}`);
    return this.#become("thread", `it waits, but ${why}: ${sight.description}`);
  }

  /** A model turned out not to do. */
  exclude(model: RouteModel, reason: string): void {
    this.#excluded.set(model, reason);
    if (this.#model === model) this.#become(model === "process" ? "thread" : "process", reason);
  }

  /** A call of it threw in a thread: whether its next calls go to processes. */
  needsProcess(error: unknown): boolean {
    if (this.#excluded.has("process") || this.#model === "async" || this.#model === "process") return false;
    const { code, cause } = codesOf(error);
    if (!NEEDS_A_PROCESS.has(code) && !NEEDS_A_PROCESS.has(cause)) return false;
    const reason = `a thread cannot run it: ${code === "" ? cause : code}`;
    this.#excluded.set("thread", reason);
    this.#become("process", reason);
    return true;
  }

  get choice(): TaskChoice {
    return {
      task: this.name,
      model: this.#model ?? "undecided",
      reason: this.#reason,
      excluded: [...this.#excluded].map(([model, reason]) => ({ model, reason })),
    };
  }

  #become(model: RouteModel, reason: string): RouteModel {
    this.#model = model;
    this.#reason = reason;
    return model;
  }
}

/** Of what a task threw, which may be anything and have getters that throw. */
function codesOf(error: unknown): { code: string; cause: string } {
  try {
    const { code, cause } = Object(error) as { code?: unknown; cause?: unknown };
    return { code: String(code ?? ""), cause: String((Object(cause) as { code?: unknown }).code ?? "") };
  } catch {
    return { code: "", cause: "" };
  }
}
