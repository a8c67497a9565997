import { PriorityQueue } from "allcores";
import { everywhere } from "../contract/stage.js";
import { type Kind, queueContract, queueDeathContract, queueObjects } from "./queue.contract.js";

/** As a Queue, since all values have the same priority; what else it does is in priority-order.test.ts. */
const kind: Kind = { make: (options) => new PriorityQueue(options), out: (values) => [...values] };

everywhere("PriorityQueue", queueObjects(kind), (stage, check) => queueContract(kind, stage, check));
everywhere("PriorityQueue and death", queueObjects(kind), (stage, check) => queueDeathContract(kind, stage, check));
