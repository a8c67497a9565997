import { rlockContract, rlockObjects } from "./rlock.contract.js";
import { everywhere } from "./fixture.js";

everywhere("RLock", rlockObjects, rlockContract);
