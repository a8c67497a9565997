import type { Cluster, Redis } from "ioredis";
import { queueRealMicrotask } from "../../memory/index.js";
import { RemoteUnavailableError } from "../../errors/index.js";
import type { RemoteConnection } from "../../pools/remote-options.js";
import { loadPeers } from "./peers.js";
import { isFinal, refusalOf } from "./refusal.js";

/** Longest time between attempts to connect again. */
const MOST_RETRY_MS = 1000;

export type Client = Redis | Cluster;

/** A socket of a connection. */
interface Stream {
  ref?(): void;
  unref?(): void;
  write(...args: unknown[]): boolean;
  cork(): void;
  uncork(): void;
}

/** The connections of one pool or worker. */
export class RedisClients {
  readonly #connection: RemoteConnection;
  readonly #all = new Set<Client>();
  #isClosed = false;
  #isHeld = true;

  constructor(connection: RemoteConnection) {
    this.#connection = connection;
  }

  /** A connection that goes on trying for ever. */
  open(): Client {
    const { ioredis } = loadPeers();
    const shared = {
      // A command waits for the server as long as its caller does.
      maxRetriesPerRequest: null,
      retryStrategy: (times: number) => Math.min(times * 50, MOST_RETRY_MS),
    };
    const connection = this.#connection;
    let client: Client;
    if (typeof connection === "string") client = new ioredis.Redis(connection, shared);
    else {
      const { cluster, ...options } = connection;
      client =
        cluster === undefined
          ? new ioredis.Redis({ ...shared, ...options, maxRetriesPerRequest: null })
          : new ioredis.Cluster(cluster as never, {
              ...options,
              redisOptions: { ...(options.redisOptions as object | undefined), maxRetriesPerRequest: null },
            });
    }
    return this.#adopt(client);
  }

  /** Whether they keep the program alive. */
  hold(alive: boolean): void {
    if (this.#isHeld === alive) return;
    this.#isHeld = alive;
    for (const client of this.#all) {
      for (const stream of streamsOf(client)) refer(stream, alive);
      this.#holdRetry(client);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const client of this.#all) client.disconnect();
    this.#all.clear();
  }

  #adopt<C extends Client>(client: C): C {
    // What BullMQ makes of one that was closed meanwhile.
    if (this.#isClosed) client.disconnect();
    this.#all.add(client);
    // Without a listener it would be written to stderr.
    client.on("error", () => {});
    client.on("reconnecting", () => this.#holdRetry(client));
    if ("nodes" in client) client.on("+node", (node: Redis) => this.#watch(node));
    else this.#watch(client);
    client.on("end", () => this.#all.delete(client));
    const duplicate = client.duplicate.bind(client) as (...args: unknown[]) => C;
    client.duplicate = ((...args: unknown[]) => this.#adopt(duplicate(...args))) as never;
    return client;
  }

  /** The timer until a lost server is tried again: an idle pool does not keep its program alive for it. */
  #holdRetry(client: Client): void {
    const { reconnectTimeout } = client as unknown as { reconnectTimeout?: NodeJS.Timeout | null };
    if (reconnectTimeout) refer(reconnectTimeout, this.#isHeld);
  }

  /** Of each of its sockets, one after the other. */
  #watch(client: Redis): void {
    client.on("connect", () => {
      for (const stream of streamsOf(client)) {
        refer(stream, this.#isHeld);
        gather(stream);
      }
    });
  }
}

/** What is written close together leaves together: a system call for each command costs as much as the command. */
function gather(stream: Stream): void {
  const write = stream.write.bind(stream);
  let isGathering = false;
  stream.write = (...args) => {
    if (!isGathering) {
      isGathering = true;
      stream.cork();
      queueRealMicrotask(() => {
        isGathering = false;
        stream.uncork();
      });
    }
    return write(...args);
  };
}

function streamsOf(client: Client): Stream[] {
  const nodes: readonly unknown[] = "nodes" in client ? client.nodes("all") : [client];
  return nodes.flatMap((node) => (node as { stream?: Stream }).stream ?? []);
}

function refer(stream: Pick<Stream, "ref" | "unref">, alive: boolean): void {
  if (alive) stream.ref?.();
  else stream.unref?.();
}

/** Waits until the server was reached and is one that will do. @throws RemoteUnavailableError */
export async function checkServer(client: Client): Promise<void> {
  await ready(client);
  let memory: string;
  let replication: string;
  try {
    memory = String(await client.info("memory"));
    replication = String(await client.info("replication"));
  } catch (error) {
    const refusal = refusalOf(error);
    // A user that may not ask has an owner who knows the server.
    if (refusal.reason === "auth" && /NOPERM/.test(refusal.message)) return;
    throw refusal;
  }
  const [, policy = "noeviction"] = /maxmemory_policy:(\S+)/.exec(memory) ?? [];
  if (policy !== "noeviction")
    throw new RemoteUnavailableError(
      `the server may throw tasks away when it is full (maxmemory-policy ${policy}): set maxmemory-policy to noeviction`,
      {
        reason: "evicts",
      },
    );
  if (!("nodes" in client) && /role:slave/.test(replication))
    throw new RemoteUnavailableError(
      "the server is a replica and takes no writes: connect to the primary, by Sentinel for instance",
      { reason: "read-only" },
    );
}

async function ready(client: Client): Promise<void> {
  if (client.status === "ready") return;
  await new Promise<void>((resolve, reject) => {
    const end = (then: () => void) => {
      client.off("ready", onReady);
      client.off("error", onError);
      client.off("end", onEnd);
      then();
    };
    const onReady = () => end(resolve);
    const onError = (error: unknown) => {
      if (isFinal(error)) end(() => reject(refusalOf(error)));
    };
    const onEnd = () =>
      end(() => reject(new RemoteUnavailableError("the connection was closed", { reason: "unreachable" })));
    client.on("ready", onReady);
    client.on("error", onError);
    client.on("end", onEnd);
  });
}
