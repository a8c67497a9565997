import { lockContract, lockObjects } from "./lock.contract.js";
import { everywhere } from "./fixture.js";

everywhere("Lock", lockObjects, lockContract);
