import { eventContract, eventObjects } from "./event.contract.js";
import { everywhere } from "./fixture.js";

everywhere("Event", eventObjects, eventContract);
