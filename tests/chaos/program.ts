/**
 * One scenario in a program of its own: `node program.js <scenario> <threads|processes> <faults> <seed>`. Its last line
 * is what it counted, as JSON.
 */
import { readdirSync } from "node:fs";
import { isMain } from "allcores";
import { randomFrom } from "../fixtures/random.js";
import { type Across, Supervisor } from "./supervisor.js";
import { scenarios } from "./scenarios.js";

const descriptors = () => readdirSync("/proc/self/fd").length;

/**
 * Descriptors that may be more at the end: the doorbells of workers, one for each slot of the registry that was used at
 * a time, and the heap.
 */
const MOST_MORE_DESCRIPTORS = 24;

if (isMain(import.meta)) {
  const [, , name = "", across = "processes", faults = "20", seed = "1"] = process.argv;
  const scenario = scenarios[name];
  if (scenario === undefined)
    throw new RangeError(`no scenario is called ${name}; there are ${Object.keys(scenarios).join(", ")}`);
  const random = randomFrom(Number(seed));
  const before = descriptors();
  const supervisor = new Supervisor(across as Across, random);
  const tally = await scenario({ supervisor, random, faults: Number(faults) });
  const more = descriptors() - before;
  if (more > MOST_MORE_DESCRIPTORS) throw new Error(`${more} descriptors more than at the start`);
  console.log(JSON.stringify({ ...tally, ...Object.fromEntries(supervisor.faults) }));
}
