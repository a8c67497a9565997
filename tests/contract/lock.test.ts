import { lockContract, lockObjects } from "./lock.contract.js";
import { everywhere } from "./stage.js";

everywhere("Lock", lockObjects, lockContract);
