import { LifoQueue } from "allcores";
import { everywhere } from "../contract/fixture.js";
import { type Kind, queueContract, queueDeathContract, queueObjects } from "./queue.contract.js";

const kind: Kind = { make: (options) => new LifoQueue(options), out: (values) => [...values].reverse() };

everywhere("LifoQueue", queueObjects(kind), (fixture, check) => queueContract(kind, fixture, check));
everywhere("LifoQueue and death", queueObjects(kind), (fixture, check) => queueDeathContract(kind, fixture, check));
