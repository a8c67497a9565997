import { ownerDeathContract, ownerDeathObjects } from "./owner-death.contract.js";
import { everywhere } from "./stage.js";

everywhere("Owner death as an error", ownerDeathObjects, ownerDeathContract);
