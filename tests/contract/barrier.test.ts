import { barrierContract, barrierObjects } from "./barrier.contract.js";
import { everywhere } from "./stage.js";

everywhere("Barrier", barrierObjects, barrierContract);
