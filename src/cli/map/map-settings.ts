/** What `allcores map` was told, checked. */
export interface MapSettings {
  readonly model: Model;
  readonly workers: number | undefined;
  readonly chunk: number | undefined;
  /** Milliseconds for each item. */
  readonly timeout: number | undefined;
  readonly retries: number;
  /** Megabytes of JavaScript heap for each worker. */
  readonly memory: number | undefined;
  readonly onError: OnError;
  readonly halt: Halt;
  readonly input: InputForm;
  readonly lines: LineForm;
  readonly asCompleted: boolean;
  readonly files: readonly string[];
  readonly globs: readonly string[];
  readonly output: string | undefined;
  readonly journal: string | undefined;
  readonly retryFailed: boolean;
  readonly force: boolean;
  readonly progress: boolean | undefined;
  readonly json: boolean;
  /** Of the model remote: where the server is, the queue, and what names of tasks have in place of versions. */
  readonly redis: string | undefined;
  readonly queue: string | undefined;
  readonly build: string | undefined;
}

export const MODELS = ["thread", "process", "async", "auto", "remote"] as const;
export type Model = (typeof MODELS)[number];

/** `report`: a line on stderr. `skip`: nothing but the count. `stop`: as `--halt now,fail=1`. */
export const ON_ERROR = ["report", "skip", "stop"] as const;
export type OnError = (typeof ON_ERROR)[number];

export const INPUT_FORMS = ["lines", "ndjson", "nul"] as const;
export type InputForm = (typeof INPUT_FORMS)[number];

/** `value`: the results alone. `record`: objects with index, input, and the value or the error. */
export const LINE_FORMS = ["value", "record"] as const;
export type LineForm = (typeof LINE_FORMS)[number];

/** After `failures` failed items: `soon` lets end what runs, `now` does not. */
export interface Halt {
  readonly when: "now" | "soon" | "never";
  readonly failures: number;
}

export const NEVER: Halt = { when: "never", failures: Number.POSITIVE_INFINITY };
export const AT_FIRST: Halt = { when: "now", failures: 1 };

/** Of "never", "now,fail=1", "soon,fail=3"; undefined for anything else. */
export function haltOf(text: string): Halt | undefined {
  if (text === "never") return NEVER;
  const [, when, failures] = /^(now|soon),fail=([1-9]\d*)$/.exec(text) ?? [];
  return failures === undefined ? undefined : { when: when as "now" | "soon", failures: Number(failures) };
}
