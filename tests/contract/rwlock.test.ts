import { rwlockContract, rwlockObjects } from "./rwlock.contract.js";
import { everywhere } from "./fixture.js";

everywhere("RWLock", rwlockObjects, rwlockContract);
