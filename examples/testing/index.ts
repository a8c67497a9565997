/** Explores two bounded buffers: one that can stop for ever, and the one that cannot. `npm run example:testing`. */
import { explore } from "allcores/testing";
import * as broken from "./bounded-buffer-broken.js";
import * as fixed from "./bounded-buffer.js";

const first = await explore({
  setup: broken.setup,
  workers: [broken.consumer, broken.consumer, broken.producer],
  check: broken.check,
});
console.log(`broken: ${first}\n`);
const second = await explore(
  { setup: fixed.setup, workers: [fixed.consumer, fixed.consumer, fixed.producer], check: fixed.check },
  { preemptions: 1 },
);
console.log(`fixed: ${second}`);
