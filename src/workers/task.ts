import { fileURLToPath } from "node:url";
import {
  type Boundary,
  checkAllowed,
  crossing,
  isUrl,
  knowModule,
  type ModuleSource,
  moduleUrl,
  type Origin,
  type Marshalled,
  registerKind,
} from "../codec/index.js";
import { hintOfVersions, needKinds, together } from "../memory/index.js";
import {
  ArgumentTypeError,
  CorruptError,
  NotATaskError,
  StateError,
  TaskNotFoundError,
  ownDescriptors,
} from "../errors/index.js";

// biome-ignore lint/suspicious/noExplicitAny: a bound of "any function" needs it; it reaches no signature of a caller's.
export type AnyFunction = (...args: any[]) => unknown;

interface Bindable {
  /** The same task with its first argument given: shared options instead of a closure. */
  partial<F extends AnyFunction>(this: F, first: FirstOf<F>): Task<WithoutFirst<F>>;
}

/**
 * A function that can be run in another worker: it keeps its type, overloads and generics, and can be called here as
 * before. The brand's name is what the compiler prints where a plain function is given; written out here, because it
 * names an interface without its members.
 */
export type Task<F extends AnyFunction = AnyFunction> = F & {
  readonly "a closure cannot travel to another worker: register the function with task(import.meta, fn) and pass that": true;
} & Bindable;

type FirstOf<F extends AnyFunction> =
  Parameters<F> extends [] ? never : Parameters<F> extends [(infer A)?, ...unknown[]] ? A : never;
type WithoutFirst<F extends AnyFunction> =
  Parameters<F> extends [unknown?, ...infer Rest] ? (...args: Rest) => ReturnType<F> : never;

/** What identifies a task everywhere. */
export interface TaskIdentity {
  readonly url: string;
  readonly name: string;
  /** Arguments given by `partial`. */
  readonly bound: readonly unknown[];
}

const identity: unique symbol = Symbol.for("allcores.task") as never;
const { registered, evaluations, own } = together("tasks", () => ({
  registered: new Map<string, AnyFunction>(),
  /** Which evaluation of its module registered a task: a module that is evaluated again registers its tasks again. */
  evaluations: new Map<string, object | undefined>(),
  /**
   * The functions that were registered here, and what `partial` made of them: each can be called as it is, whatever was
   * registered under its name since.
   */
  own: new WeakSet<AnyFunction>(),
}));
// Any file will do: all have one cache. Not this one, which has no URL where the program is one CommonJS file.
// Not imported: webpack would put a part of its own in the place of the call.
const { cache } = process.getBuiltinModule("node:module").createRequire(process.execPath);
const keyOf = (url: string, name: string): string => `${url}#${name}`;

/**
 * Registers a function of a module as a task, so that workers can run it: there the module is loaded and the function
 * found by its name.
 *
 * Call it at the top level of the module, on a named function that uses nothing but its arguments and the module
 * itself. `task(import.meta, "name", fn)` names an anonymous one.
 *
 * @param from the calling module: `import.meta`, or `__filename` in CommonJS
 * @param name its name, for a function that has none
 * @param fn the function
 * @returns the function, which can be called as before
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what is not a function or has no name, `ERR_ALLCORES_STATE` when one
 *   evaluation of the module registers two functions under that name
 * @remarks **Cost:** an entry in a table.
 *
 * @example
 * ```ts
 * import { task } from "allcores";
 * const add = task(import.meta, function add(a: number, b: number) {
 *   return a + b;
 * });
 * console.log(add(1, 2)); // 3
 * console.log(add.partial(40)(2)); // 42
 * ```
 */
export function task<F extends AnyFunction>(from: ModuleSource, fn: F): Task<F>;
export function task<F extends AnyFunction>(from: ModuleSource, name: string, fn: F): Task<F>;
export function task<F extends AnyFunction>(from: ModuleSource, nameOrFn: string | F, maybeFn?: F): Task<F> {
  const url = moduleUrl("task", from);
  const fn = typeof nameOrFn === "string" ? maybeFn : nameOrFn;
  if (typeof fn !== "function")
    throw new ArgumentTypeError(`task(import.meta, fn): fn must be a function, got ${typeof fn}`);
  const name = typeof nameOrFn === "string" ? nameOrFn : fn.name;
  if (name === "")
    throw new ArgumentTypeError(
      `task(import.meta, fn): the function has no name to be found by in a worker; write task(import.meta, "name", fn)`,
    );
  const known = registered.get(keyOf(url, name));
  const evaluation = evaluationOf(from, url);
  // Where nothing tells two evaluations apart (a URL as text), the later function counts.
  if (
    known !== undefined &&
    known !== fn &&
    evaluation !== undefined &&
    evaluations.get(keyOf(url, name)) === evaluation
  )
    throw new StateError(
      `${url} registers two tasks named "${name}"; give one another name: task(import.meta, "other", fn)`,
    );
  knowModule(url);
  registered.set(keyOf(url, name), fn);
  evaluations.set(keyOf(url, name), evaluation);
  own.add(fn);
  return asTask(fn, { url, name, bound: [] }) as Task<F>;
}

/** An object that each evaluation of a module has for itself: its `import.meta`, or its CommonJS module. */
function evaluationOf(from: ModuleSource, url: string): object | undefined {
  if (typeof from === "object" && !isUrl(from)) return from;
  return url.startsWith("file:") ? cache[fileURLToPath(url)] : undefined;
}

function asTask(fn: AnyFunction, is: TaskIdentity): AnyFunction {
  const properties: PropertyDescriptorMap = {
    [identity]: { value: is, configurable: true },
    partial: {
      value: (first: unknown) => {
        const rest = asTask((...rest: unknown[]) => fn(first, ...rest), { ...is, bound: [...is.bound, first] });
        if (own.has(fn)) own.add(rest);
        return rest;
      },
      configurable: true,
    },
    [crossing]: {
      value: (_to: Boundary, _path: string): Marshalled => ({ kind: "Task", payload: [is.url, is.name, ...is.bound] }),
      configurable: true,
    },
  };
  Object.defineProperties(fn, ownDescriptors(properties));
  return fn;
}

/** A task of a module that is not loaded here. */
export function handleOf(url: string, name: string): Task {
  const fn = (): never => {
    throw new StateError(`"${name}" is a handle for workers: import ${url} to call it here`);
  };
  return asTask(fn, { url, name, bound: [] }) as Task;
}

/** Whether calling it runs the task here: it is no handle of a module that may not be loaded. */
export function isCallable(fn: AnyFunction): boolean {
  return own.has(fn);
}

/** Whether the module of a task has registered it here, so that it can be called as it is. */
export function isRegistered({ url, name }: TaskIdentity): boolean {
  return registered.has(keyOf(url, name));
}

/** The identity of a function that is a task; undefined for any other. */
export function identityIfTask(fn: AnyFunction): TaskIdentity | undefined {
  return (fn as { [identity]?: TaskIdentity })[identity];
}

/** The identity of a task. @throws NotATaskError */
export function identityOf(candidate: unknown): TaskIdentity {
  if (typeof candidate !== "function")
    throw new ArgumentTypeError(
      `a task is needed, got ${candidate === null ? "null" : typeof candidate}: register a function with task(import.meta, fn)`,
    );
  const is = identityIfTask(candidate as AnyFunction);
  if (is !== undefined) return is;
  const name = candidate.name === "" ? "an anonymous function" : `the function "${candidate.name}"`;
  // "bound f", "get x" or a name in quotes can be no constant's.
  const advised = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(candidate.name) ? candidate.name : "work";
  throw new NotATaskError(
    `${name} is not a task: a worker has another heap and finds functions only by module and name. Write in its module: ` +
      `export const ${advised} = task(import.meta, function ${advised}(…) {…})`,
  );
}

/** The one task of that name in this worker, whatever URL its module was given by a bundler. */
export function onlyTask(name: string): AnyFunction | undefined {
  const found = [...registered].filter(([key]) => key.endsWith(`#${name}`));
  return found.length === 1 ? found[0]![1] : undefined;
}

/**
 * The function of a task whose module has been loaded here: one that it registered, else one that it exports. @throws
 * TaskNotFoundError
 */
export function registeredTask(url: string, name: string, module?: Record<string, unknown>): AnyFunction {
  const fn = registered.get(keyOf(url, name));
  if (fn !== undefined) return fn;
  const exported = module && exportedBy(module, name);
  if (exported !== undefined) return exported;
  // The library has a task of its own, which its late part registers.
  needKinds();
  const own = registered.get(keyOf(url, name));
  if (own !== undefined) return own;
  const others = [...registered.keys()]
    .filter((key) => key.startsWith(`${url}#`))
    .map((key) => key.slice(url.length + 1));
  throw new TaskNotFoundError(
    `${url} registers no task and exports no function named "${name}"${others.length > 0 ? `, only ${others.join(", ")}` : ""}: call task(import.meta, …) at the top level of the module, not inside a function or behind isMain${hintOfVersions()}`,
  );
}

/**
 * The function that a module exports under a name. Node gives all that a CommonJS module exports as `default`, and by
 * name only what it finds in the text: so `module.exports = { f() {} }`, functions that are fields of an exported
 * function, and a compiled `exports.default` are looked for there. What an object merely inherits is nobody's export.
 */
function exportedBy(module: Record<string, unknown>, name: string): AnyFunction | undefined {
  const exported = module[name];
  if (typeof exported === "function") return exported as AnyFunction;
  const whole = module.default as { default?: unknown } | null | undefined;
  for (const holder of [whole, ownField(whole, "default")]) {
    const field = ownField(holder, name);
    // As a method of what is exported, which it may call `this`.
    if (typeof field === "function") return (...args: unknown[]) => Reflect.apply(field, holder, args) as unknown;
  }
  return undefined;
}

function ownField(holder: unknown, name: string): unknown {
  if ((typeof holder !== "object" && typeof holder !== "function") || holder === null || !Object.hasOwn(holder, name))
    return undefined;
  return (holder as Record<string, unknown>)[name];
}

registerKind("Task", (payload: unknown, origin: Origin) => {
  const [url, name, ...bound] = Array.isArray(payload) ? payload : [];
  if (typeof url !== "string" || typeof name !== "string") throw new CorruptError("a task arrived without its name");
  // A caller that runs it in a worker makes that worker load its module.
  if (!registered.has(keyOf(url, name)))
    checkAllowed(url, `a task named ${JSON.stringify(name.slice(0, 100))}`, origin);
  // Its module may not be loaded here yet: it is looked up when it is called.
  return asTask((...args: unknown[]) => registeredTask(url, name)(...bound, ...args), { url, name, bound });
});
