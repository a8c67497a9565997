/** What runs first in each thread of an exploration. */
import { workerData } from "node:worker_threads";
import { runStage, type StageStart } from "./stage.js";
import { runUnit, type UnitStart } from "./unit-thread.js";

const { allcoresExploration: start } = workerData as { allcoresExploration: StageStart | UnitStart };
if (start.role === "stage") await runStage(start);
else await runUnit(start);
