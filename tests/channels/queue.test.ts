import { everywhere } from "../contract/stage.js";
import { queueContract, queueDeathContract, queueObjects } from "./queue.contract.js";

everywhere("Queue", queueObjects, queueContract);
everywhere("Queue and death", queueObjects, queueDeathContract);
