/** A bare worker thread with one task: gets a number, posts the result. */
import { parentPort, workerData } from "node:worker_threads";

parentPort!.postMessage((workerData as number) + 1);
