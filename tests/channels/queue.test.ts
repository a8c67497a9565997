import { Queue } from "allcores";
import { everywhere } from "../contract/stage.js";
import { type Kind, queueContract, queueDeathContract, queueObjects } from "./queue.contract.js";

const kind: Kind = { make: (options) => new Queue(options), out: (values) => [...values] };

everywhere("Queue", queueObjects(kind), (stage, check) => queueContract(kind, stage, check));
everywhere("Queue and death", queueObjects(kind), (stage, check) => queueDeathContract(kind, stage, check));
