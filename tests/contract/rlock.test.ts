import { rlockContract, rlockObjects } from "./rlock.contract.js";
import { everywhere } from "./stage.js";

everywhere("RLock", rlockObjects, rlockContract);
