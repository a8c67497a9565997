/** Explores models, two at a time, and tells of each what it came to. */
import { readdirSync } from "node:fs";
import { type Exploration, explore, type ExploreOptions } from "../../src/testing/index.js";
import type { Model } from "./model.js";

export interface Explored {
  /** File and name, as in "lock: two blocking callers exclude each other". */
  readonly title: string;
  readonly preemptions: number;
  readonly exploration: Exploration;
}

/** Every model whose title contains one of `filters`; all of them without. */
export async function allModels(filters: readonly string[] = []): Promise<{ title: string; model: Model }[]> {
  const files = readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith(".model.js"))
    .sort();
  const found: { title: string; model: Model }[] = [];
  for (const file of files) {
    const { models } = (await import(new URL(file, import.meta.url).href)) as { models: Model[] };
    for (const model of models) found.push({ title: `${file.replace(".model.js", "")}: ${model.name}`, model });
  }
  return found.filter(({ title }) => filters.length === 0 || filters.some((filter) => title.includes(filter)));
}

export type ModelBounds = Pick<ExploreOptions, "schedules" | "walks">;

/** Explores one model to at most so many pre-emptions. */
export async function exploreModel(
  title: string,
  model: Model,
  most: number,
  bounds: ModelBounds = {},
): Promise<Explored> {
  const preemptions = Math.min(most, model.preemptions ?? 2);
  return {
    title,
    preemptions,
    exploration: await explore(model.program, { ...model.options, ...bounds, preemptions, internals: true }),
  };
}
