import { KIND as CHANNELS } from "../src/channels/kinds.js";
import { KIND as SHARED } from "../src/shared/kinds.js";
import { KIND as SYNC } from "../src/sync/kinds.js";
import { KIND as WORKERS } from "../src/workers/kinds.js";

/** All kinds of blocks. */
export const KIND = { ...SYNC, ...SHARED, ...CHANNELS, ...WORKERS };
