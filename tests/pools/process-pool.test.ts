import { ProcessPool } from "allcores";
import { poolContract, type PoolKind } from "./pool.contract.js";
import { poolCallContract } from "./pool-call.contract.js";
import { poolCallbacksContract } from "./pool-callbacks.contract.js";
import { poolDeathContract } from "./pool-death.contract.js";
import { poolJoinSyncContract } from "./pool-join-sync.contract.js";
import { poolMapContract } from "./pool-map.contract.js";
import { poolTimeContract } from "./pool-time.contract.js";
import { poolWorkersContract } from "./pool-workers.contract.js";

const kind: PoolKind = { model: "process", across: "processes", make: (options) => new ProcessPool(options) };
poolContract("ProcessPool", kind);
poolCallContract("ProcessPool", kind);
poolCallbacksContract("ProcessPool", kind);
poolMapContract("ProcessPool", kind);
poolWorkersContract("ProcessPool", kind);
poolTimeContract("ProcessPool", kind);
poolDeathContract("ProcessPool", kind);
poolJoinSyncContract("ProcessPool", { model: "process", across: "processes", make: (options) => new ProcessPool(options) });
