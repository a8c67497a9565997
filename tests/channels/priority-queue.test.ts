import { PriorityQueue } from "allcores";
import { everywhere } from "../contract/fixture.js";
import { type Kind, queueContract, queueDeathContract, queueObjects } from "./queue.contract.js";

/** As a Queue, since all values have the same priority; what else it does is in priority-order.test.ts. */
const kind: Kind = { make: (options) => new PriorityQueue(options), out: (values) => [...values] };

everywhere("PriorityQueue", queueObjects(kind), (fixture, check) => queueContract(kind, fixture, check));
everywhere("PriorityQueue and death", queueObjects(kind), (fixture, check) => queueDeathContract(kind, fixture, check));
