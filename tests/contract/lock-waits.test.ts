import { kinds, lockWaitsContract } from "./lock-waits.contract.js";
import { everywhere } from "./fixture.js";

for (const kind of kinds)
  everywhere(`Waits of a ${kind.name}`, (across) => ({ it: kind.make(across) as never }), lockWaitsContract(kind));
