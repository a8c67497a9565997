/** What takes too long for every day: `npm run models` explores it. */
import type { Model } from "./model.js";
import { holdsAtLeast, mortal, put, six } from "./shared-map.model.js";

export const models: Model[] = [
  {
    name: "a writer dies while a segment is replaced, another one goes on",
    program: {
      setup: six,
      workers: [put.partial("g"), put.partial("h")],
      check: holdsAtLeast.partial({ keys: "abcdef", maybe: "gh", left: 64 }),
    },
    options: mortal,
  },
];
