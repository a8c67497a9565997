import { AsyncPool } from "allcores";
import * as tasks from "../fixtures/awaiting-tasks.js";
import { poolContract, type PoolKind } from "./pool.contract.js";
import { poolCallContract } from "./pool-call.contract.js";
import { asyncCallbacks, poolCallbacksContract } from "./pool-callbacks.contract.js";
import { poolMapContract } from "./pool-map.contract.js";
import { poolPauseContract } from "./pool-pause.contract.js";
import { poolTimeContract } from "./pool-time.contract.js";
import { poolWorkersContract } from "./pool-workers.contract.js";

const kind: PoolKind = { model: "async", across: "threads", tasks, make: (options) => new AsyncPool(options) };
poolContract("AsyncPool", kind);
poolCallContract("AsyncPool", kind);
poolCallbacksContract("AsyncPool", kind);
asyncCallbacks((options) => new AsyncPool(options) as never);
poolMapContract("AsyncPool", kind);
poolPauseContract("AsyncPool", kind);
poolWorkersContract("AsyncPool", kind);
poolTimeContract("AsyncPool", kind);
