import { ThreadPool } from "allcores";
import { poolContract, type PoolKind } from "./pool.contract.js";
import { poolCallContract } from "./pool-call.contract.js";
import { poolMapContract } from "./pool-map.contract.js";

const kind: PoolKind = { model: "thread", across: "threads", make: (options) => new ThreadPool(options) };
poolContract("ThreadPool", kind);
poolCallContract("ThreadPool", kind);
poolMapContract("ThreadPool", kind);
