/** Worker of poolifier, as a thread. */
import { ThreadWorker } from "poolifier";
import { jobs } from "../jobs.js";

export default new ThreadWorker(jobs as never);
