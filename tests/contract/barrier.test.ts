import { barrierContract, barrierObjects } from "./barrier.contract.js";
import { everywhere } from "./fixture.js";

everywhere("Barrier", barrierObjects, barrierContract);
