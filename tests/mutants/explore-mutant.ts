import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { transform } from "esbuild";
import type { FailureKind } from "../../src/testing/index.js";
import { type Explored, exploreModel, type ModelBounds } from "../models/explore-models.js";
import type { Model } from "../models/model.js";
import type { Mutant } from "./mutant.js";
import { plant } from "./plant.js";

const root = resolve(import.meta.dirname, "../../..");

/** What came of a mutant. */
export interface MutantResult {
  readonly mutant: Mutant;
  /** The model that found it, and how it failed; undefined when it survived. */
  readonly found: { readonly title: string; readonly kind: FailureKind; readonly message: string } | undefined;
  /** Schedules tried with all of its models. */
  readonly schedules: number;
  readonly milliseconds: number;
}

/** Builds the mutant and explores its models, one after the other, until one of them fails. */
export async function exploreMutant(mutant: Mutant): Promise<MutantResult> {
  const began = performance.now();
  const tree = await build(mutant);
  const copied = (await import(pathToFileURL(join(tree, "tests/models/explore-models.js")).href)) as {
    exploreModel: typeof exploreModel;
  };
  let schedules = 0;
  let found: MutantResult["found"];
  for (const { title, model } of await modelsIn(tree, mutant.models)) {
    const { exploration } = await copied.exploreModel(title, model, 3);
    schedules += exploration.schedules;
    const { failure } = exploration;
    if (failure === undefined) continue;
    found = { title, kind: failure.kind, message: failure.message };
    break;
  }
  return { mutant, found, schedules, milliseconds: performance.now() - began };
}

/** The same models with the library as it is, to one pre-emption: a model that always fails finds nothing. */
export async function exploreUnchanged({ models }: Mutant, bounds?: ModelBounds): Promise<Explored[]> {
  const explored: Explored[] = [];
  for (const { title, model } of await modelsIn(join(root, "build"), models))
    explored.push(await exploreModel(title, model, 1, bounds));
  return explored;
}

/** A copy of the compiled library and its models with one file replaced; returns where it stands. */
async function build(mutant: Mutant): Promise<string> {
  const { name, file } = mutant;
  const planted = plant(await readFile(join(root, "src", file), "utf8"), mutant);
  const [{ code }, tree] = await Promise.all([
    transform(planted, {
      loader: "ts",
      format: "esm",
      platform: "node",
      target: "node20",
      sourcefile: file,
      sourcemap: "inline",
      tsconfigRaw: await readFile(join(root, "tsconfig.json"), "utf8"),
    }),
    copy(name.replace(/\W+/g, "-")),
  ]);
  await writeFile(join(tree, "src", file.replace(/\.ts$/, ".js")), code);
  return tree;
}

async function copy(name: string): Promise<string> {
  const tree = join(root, "build/mutants", name);
  await rm(tree, { recursive: true, force: true });
  for (const folder of ["src", "tests/models", "tests/mutants"]) {
    await mkdir(dirname(join(tree, folder)), { recursive: true });
    await cp(join(root, "build", folder), join(tree, folder), { recursive: true });
  }
  // A package of its own: else the door to atomics would lead back into the library that has no bug.
  const { type, imports } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    type: string;
    imports: unknown;
  };
  await writeFile(join(tree, "package.json"), JSON.stringify({ type, imports }).replaceAll("./build/src/", "./src/"));
  return tree;
}

/** The models of a tree whose titles begin so. */
async function modelsIn(tree: string, titles: readonly string[]): Promise<{ title: string; model: Model }[]> {
  const found: { title: string; model: Model }[] = [];
  for (const folder of ["tests/mutants", "tests/models"]) {
    for (const file of (await readdir(join(tree, folder))).filter((entry) => entry.endsWith(".model.js"))) {
      const { models } = (await import(pathToFileURL(join(tree, folder, file)).href)) as { models: Model[] };
      for (const model of models) {
        const title = folder === "tests/mutants" ? model.name : `${file.replace(".model.js", "")}: ${model.name}`;
        if (titles.some((each) => title.startsWith(each))) found.push({ title, model });
      }
    }
  }
  if (found.length === 0) throw new Error(`no model is called ${titles.join(" or ")}`);
  return found;
}
