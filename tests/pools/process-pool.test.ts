import { ProcessPool } from "allcores";
import { poolContract, type PoolKind } from "./pool.contract.js";
import { poolCallContract } from "./pool-call.contract.js";
import { poolCallbacksContract } from "./pool-callbacks.contract.js";
import { poolDeathContract } from "./pool-death.contract.js";
import { poolJoinSyncContract } from "./pool-join-sync.contract.js";
import { poolLoadContract } from "./pool-load.contract.js";
import { poolMapContract } from "./pool-map.contract.js";
import { poolNewsContract } from "./pool-news.contract.js";
import { poolPauseContract } from "./pool-pause.contract.js";
import { poolReadyContract } from "./pool-ready.contract.js";
import { poolRecycleContract } from "./pool-recycle.contract.js";
import { poolSlotContract } from "./pool-slot.contract.js";
import { poolTimeContract } from "./pool-time.contract.js";
import { poolWidthContract } from "./pool-width.contract.js";
import { poolWorkersContract } from "./pool-workers.contract.js";

const kind: PoolKind = { model: "process", across: "processes", make: (options) => new ProcessPool(options) };
poolContract("ProcessPool", kind);
poolCallContract("ProcessPool", kind);
poolCallbacksContract("ProcessPool", kind);
poolLoadContract("ProcessPool", kind);
poolMapContract("ProcessPool", kind);
poolNewsContract("ProcessPool", kind);
poolPauseContract("ProcessPool", kind);
poolReadyContract("ProcessPool", kind);
poolRecycleContract("ProcessPool", kind);
poolSlotContract("ProcessPool", kind);
poolWidthContract("ProcessPool", kind);
poolWorkersContract("ProcessPool", kind);
poolTimeContract("ProcessPool", kind);
poolDeathContract("ProcessPool", kind);
poolJoinSyncContract("ProcessPool", {
  model: "process",
  across: "processes",
  make: (options) => new ProcessPool(options),
});
