import { ThreadPool } from "allcores";
import { poolContract } from "./pool.contract.js";

poolContract("ThreadPool", { across: "threads", make: (options) => new ThreadPool(options) });
