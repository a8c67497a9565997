import { ownerDeathContract, ownerDeathObjects } from "./owner-death.contract.js";
import { everywhere } from "./fixture.js";

everywhere("Owner death as an error", ownerDeathObjects, ownerDeathContract);
