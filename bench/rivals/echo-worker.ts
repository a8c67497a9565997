/** A bare worker thread that sends back what it gets; what `transfer` names moves. */
import { parentPort } from "node:worker_threads";

parentPort!.on("message", (message: unknown) => {
  parentPort!.postMessage(message, message instanceof ArrayBuffer ? [message] : []);
});
