/** Who takes part: ours first, then the rivals. */
import { alone } from "../measure.js";
import type { Contender, Model } from "./contender.js";
import { ourProcesses, ourThreads } from "./ours.js";
import { multithreading } from "./rivals/multithreading.js";
import { piscina } from "./rivals/piscina.js";
import { poolifierCluster, poolifierThreads } from "./rivals/poolifier.js";
import { tinypoolProcesses, tinypoolThreads } from "./rivals/tinypool.js";
import { workerpoolProcesses, workerpoolThreads } from "./rivals/workerpool.js";

export const field: Readonly<Record<Model, readonly Contender[]>> = alone
  ? { threads: [ourThreads], processes: [ourProcesses] }
  : {
      threads: [ourThreads, piscina, tinypoolThreads, poolifierThreads, workerpoolThreads, multithreading],
      processes: [ourProcesses, tinypoolProcesses, poolifierCluster, workerpoolProcesses],
    };
