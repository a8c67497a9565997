import { eventContract, eventObjects } from "./event.contract.js";
import { everywhere } from "./stage.js";

everywhere("Event", eventObjects, eventContract);
