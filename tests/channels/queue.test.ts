import { Queue } from "allcores";
import { everywhere } from "../contract/fixture.js";
import { type Kind, queueContract, queueDeathContract, queueObjects } from "./queue.contract.js";

const kind: Kind = { make: (options) => new Queue(options), out: (values) => [...values] };

everywhere("Queue", queueObjects(kind), (fixture, check) => queueContract(kind, fixture, check));
everywhere("Queue and death", queueObjects(kind), (fixture, check) => queueDeathContract(kind, fixture, check));
