/** Worker of piscina and tinypool: its exports are the tasks. */
export { burn, echo, noop, plusOnes } from "../jobs.js";
