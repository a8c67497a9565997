import { boundedContract, boundedObjects, semaphoreContract, semaphoreObjects } from "./semaphore.contract.js";
import { everywhere } from "./fixture.js";

everywhere("Semaphore", semaphoreObjects, semaphoreContract);
everywhere("BoundedSemaphore", boundedObjects, boundedContract);
