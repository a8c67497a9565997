import { everywhere } from "../contract/stage.js";
import { selectContract, selectDeathContract, selectObjects } from "./select.contract.js";

everywhere("select", selectObjects, selectContract);
everywhere("select and death", selectObjects, selectDeathContract);
