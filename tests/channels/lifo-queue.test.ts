import { LifoQueue } from "allcores";
import { everywhere } from "../contract/stage.js";
import { type Kind, queueContract, queueDeathContract, queueObjects } from "./queue.contract.js";

const kind: Kind = { make: (options) => new LifoQueue(options), out: (values) => [...values].reverse() };

everywhere("LifoQueue", queueObjects(kind), (stage, check) => queueContract(kind, stage, check));
everywhere("LifoQueue and death", queueObjects(kind), (stage, check) => queueDeathContract(kind, stage, check));
