import { everywhere } from "../contract/fixture.js";
import { selectContract, selectDeathContract, selectObjects } from "./select.contract.js";

everywhere("select", selectObjects, selectContract);
everywhere("select and death", selectObjects, selectDeathContract);
