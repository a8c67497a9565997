import { everywhere } from "../contract/fixture.js";
import { pipeContract, pipeDeathContract, pipeObjects } from "./pipe.contract.js";

everywhere("Pipe", pipeObjects, pipeContract);
everywhere("Pipe and death", pipeObjects, pipeDeathContract);
