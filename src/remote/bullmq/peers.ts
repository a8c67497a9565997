import { createRequire } from "node:module";
import { join } from "node:path";
import type * as BullMQ from "bullmq";
import type * as IORedis from "ioredis";
import { RemoteUnavailableError } from "../../errors/index.js";

/** The packages that a remote pool or worker needs and this library does not bring. */
export interface PeerPackages {
  readonly bullmq: typeof BullMQ;
  readonly ioredis: typeof IORedis;
}

let peers: PeerPackages | undefined;

/** From the project that uses this library, else from beside it. @throws RemoteUnavailableError */
export function loadPeers(): PeerPackages {
  peers ??= { bullmq: load<typeof BullMQ>("bullmq"), ioredis: load<typeof IORedis>("ioredis") };
  return peers;
}

function load<T>(name: string): T {
  const from = [process.argv[1], join(process.cwd(), "package.json"), import.meta.url].filter(
    (place) => place !== undefined,
  );
  let cause: unknown;
  for (const place of from) {
    try {
      return createRequire(place)(name) as T;
    } catch (error) {
      cause ??= error;
      if ((error as { code?: unknown }).code !== "MODULE_NOT_FOUND") break;
    }
  }
  throw new RemoteUnavailableError(
    `remote pools and workers need the packages bullmq and ioredis, and ${name} could not be loaded: npm install bullmq ioredis`,
    {
      reason: "peer",
      cause,
    },
  );
}
