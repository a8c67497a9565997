import {
  AsyncPool,
  type ChoosingPool,
  createPool,
  type Pool,
  ProcessPool,
  type Task,
  taskModule,
  ThreadPool,
} from "../../index.js";
import { CommandFailure } from "../command-failure.js";
import { EXIT } from "../exit-code.js";
import type { Report } from "../report.js";
import { localModule } from "./local-module.js";
import type { MapSettings } from "./map-settings.js";
import { isAboutModule, noExport } from "./module-failure.js";
import { checkQueue } from "./queue-check.js";
import type { TaskReference } from "./task-reference.js";

type ItemTask = Task<(item: unknown) => unknown>;

/** What runs the items of a map. */
export interface ItemPool {
  readonly pool: Pool;
  readonly task: ItemTask;
  /** Says at the end what the pool has chosen; of one that chooses. */
  readonly chosen?: () => void;
}

/** @throws CommandFailure for options that the model has not, and for a queue whose server cannot be used */
export async function itemPool(reference: TaskReference, settings: MapSettings, report: Report): Promise<ItemPool> {
  const { model, workers, retries, memory, redis, queue, build } = settings;
  if (model !== "remote")
    for (const [flag, value] of Object.entries({ redis, queue, build }))
      if (value !== undefined)
        throw new CommandFailure(EXIT.usage, `--${flag} is for --model remote, and the model is ${model}`);
  const limits = { taskTimeout: settings.timeout, retries: retries === 0 ? 0 : { limit: retries, when: isWorthATry } };
  if (model === "remote")
    return { pool: await remotePool(reference, settings, limits, report), task: handleOf(reference) };
  if (model === "async")
    return { pool: new AsyncPool({ ...limits, workers }), task: await functionOf(reference, memory) };
  const options = { ...limits, workers, ...(memory === undefined ? {} : { resourceLimits: { heap: memory } }) };
  if (model !== "auto")
    return { pool: new (model === "thread" ? ThreadPool : ProcessPool)(options), task: handleOf(reference) };
  // As many at a time as was asked for, whatever runs them.
  const pool: ChoosingPool = createPool("auto", { ...options, concurrency: workers });
  return {
    pool,
    task: handleOf(reference),
    chosen: () => report.note(`chose ${pool.choice.model}: ${pool.choice.reason}`, { choice: pool.choice }),
  };
}

async function remotePool(
  reference: TaskReference,
  settings: MapSettings,
  limits: object,
  report: Report,
): Promise<Pool> {
  const { redis, queue, build, workers, memory } = settings;
  if (redis === undefined || queue === undefined)
    throw new CommandFailure(EXIT.usage, "--model remote needs --redis URL and --queue NAME");
  for (const [flag, value] of Object.entries({ workers, memory }))
    if (value !== undefined)
      throw new CommandFailure(
        EXIT.usage,
        `--${flag} is for workers of this machine; those of a queue have it from allcores worker`,
      );
  if (reference.file === undefined)
    throw new CommandFailure(
      EXIT.usage,
      `workers of a queue find functions by the package that their file is in, and ${reference.text} is no file`,
    );
  await checkQueue(redis, queue, report);
  return createPool("remote", { ...limits, connection: redis, queue, build });
}

/** A handle for workers; this process does not load the module. */
function handleOf({ url, name }: TaskReference): ItemTask {
  return taskModule<Record<string, (item: unknown) => unknown>>(url)[name] as ItemTask;
}

/** The function itself, for this event loop. */
async function functionOf(reference: TaskReference, memory: number | undefined): Promise<ItemTask> {
  if (memory !== undefined)
    throw new CommandFailure(
      EXIT.usage,
      "--memory is for workers, and --model async has none: it runs in this process",
    );
  const exports = await localModule(reference);
  const found = exports[reference.name];
  if (typeof found !== "function") throw noExport(reference, exports);
  return found as ItemTask;
}

/** What cannot be loaded once cannot be loaded twice. */
function isWorthATry(error: unknown): boolean {
  return !isAboutModule(error);
}
