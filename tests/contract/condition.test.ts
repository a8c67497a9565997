import { conditionContract, conditionObjects, lockConditionObjects, nestedContract } from "./condition.contract.js";
import { everywhere } from "./fixture.js";

everywhere("Condition of an RLock", conditionObjects, nestedContract);
everywhere("Condition of a Lock", lockConditionObjects, conditionContract);
