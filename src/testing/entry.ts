/** What runs first in each thread of an exploration. */
import { parentPort, workerData } from "node:worker_threads";
import { runStage, type StageStart } from "./stage.js";
import type { ThreadRole } from "./troupe.js";
import { runUnit, type UnitStart } from "./unit-thread.js";

const { allcoresExploration: role } = workerData as { allcoresExploration: ThreadRole };
let exploration = Promise.resolve();
parentPort!.on("message", (start: StageStart | UnitStart) => {
  exploration = exploration.then(() => (role === "stage" ? runStage(start as StageStart) : runUnit(start as UnitStart)));
});
