import { rwlockContract, rwlockObjects } from "./rwlock.contract.js";
import { everywhere } from "./stage.js";

everywhere("RWLock", rwlockObjects, rwlockContract);
