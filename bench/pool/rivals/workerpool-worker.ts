/** Worker of workerpool, in a thread or a process. */
import workerpool from "workerpool";
import { jobs } from "../jobs.js";

workerpool.worker({
  ...jobs,
  handBack: (buffer: ArrayBuffer) => new workerpool.Transfer(buffer, [buffer]),
});
