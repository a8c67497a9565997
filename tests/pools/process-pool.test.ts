import { ProcessPool } from "allcores";
import { poolContract } from "./pool.contract.js";

poolContract("ProcessPool", { across: "processes", make: (options) => new ProcessPool(options) });
