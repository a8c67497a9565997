import { clearRealTimeout, setRealTimeout } from "../memory/index.js";
import { ArgumentTypeError, KnownOptions, ownOptions, StateError } from "../errors/index.js";
import { isSignal } from "../parking/index.js";
import { milliseconds, wholeNumber } from "../pools/option-values.js";
import type { RemoteConnection } from "../pools/remote-options.js";
import { checkServer, type Client, RedisClients } from "./bullmq/redis-clients.js";
import { refusalOf } from "./bullmq/refusal.js";

/** Where a remote lock, semaphore or event is. */
export interface RemoteObjectOptions {
  /** A URL such as `"redis://localhost:6379"`, or options of ioredis. */
  connection: RemoteConnection;
  /** All that have the same name are one. */
  name: string;
  /** What the server's keys begin with; `"{allcores}"` unless given. */
  prefix?: string | undefined;
}

/** How a remote lock or semaphore is made. */
export interface RemoteLeaseOptions extends RemoteObjectOptions {
  /**
   * Milliseconds after which a hold is over whose program is not heard of; 10000 unless given. It is renewed meanwhile.
   */
  lease?: number | undefined;
}

/** How long a remote wait may take. */
export interface RemoteWait {
  /** Milliseconds, without end unless given; 0 is one attempt. */
  timeout?: number | undefined;
  /** Ends the wait with its reason. */
  signal?: AbortSignal | undefined;
}

const OBJECT = new KnownOptions<RemoteObjectOptions>(
  { connection: true, name: true, prefix: true },
  { lease: "only locks and semaphores have leases" },
);
const LEASE = new KnownOptions<RemoteLeaseOptions>({ connection: true, name: true, prefix: true, lease: true });
const WAIT = new KnownOptions<RemoteWait>({ timeout: true, signal: true });
const LEASE_MS = 10_000;

/** Checked and complete. */
export interface RemoteObjectSettings {
  readonly connection: RemoteConnection;
  readonly key: string;
  readonly name: string;
  readonly lease: number;
}

export function objectSettingsOf(what: string, options: RemoteLeaseOptions, hasLease: boolean): RemoteObjectSettings {
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(
      `new ${what}(options): options must be an object with connection and name, got ${options === null ? "null" : typeof options}`,
    );
  (hasLease ? LEASE : OBJECT).check(options);
  const { connection, name, prefix = "{allcores}", lease } = ownOptions(options);
  if (typeof connection !== "string" && (typeof connection !== "object" || connection === null))
    throw new ArgumentTypeError(
      `options.connection must be a URL or options of ioredis, got ${connection === null ? "null" : typeof connection}`,
    );
  if (typeof name !== "string" || name === "")
    throw new ArgumentTypeError("options.name must be a text that is not empty");
  if (typeof prefix !== "string" || prefix === "")
    throw new ArgumentTypeError("options.prefix must be a text that is not empty");
  return { connection, name, key: `${prefix}:${what}:${name}`, lease: wholeNumber("lease", lease, 100, LEASE_MS) };
}

export function waitOf(options: RemoteWait | undefined): {
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
} {
  if (options === undefined) return { timeout: Number.POSITIVE_INFINITY, signal: undefined };
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError("options must be an object such as { timeout: 1000 }");
  WAIT.check(options);
  const { signal, timeout } = ownOptions(options);
  if (signal !== undefined && !isSignal(signal))
    throw new ArgumentTypeError(`options.signal must be an AbortSignal, got ${typeof signal}`);
  return { timeout: milliseconds("timeout", timeout, Number.POSITIVE_INFINITY), signal };
}

/** The connections of one object, opened when it is first used; they keep the program alive while it waits or holds. */
export class Coordination {
  readonly #clients: RedisClients;
  readonly #channel: string;
  #started: Promise<Client> | undefined;
  #client: Client | undefined;
  readonly #waiting = new Set<() => void>();
  #uses = 0;
  #isClosed = false;

  constructor(connection: RemoteConnection, channel: string) {
    this.#clients = new RedisClients(connection);
    this.#channel = channel;
  }

  /** Runs a script, or a few commands. @throws RemoteUnavailableError, StateError after `close()` */
  async ask<T>(question: (client: Client) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new StateError("it was closed here: make another with the same name");
    this.#use(1);
    try {
      return await question(await this.#start());
    } catch (error) {
      throw refusalOf(error);
    } finally {
      this.#use(-1);
    }
  }

  async #start(): Promise<Client> {
    this.#started ??= (async () => {
      const client = (this.#client ??= this.#clients.open());
      await checkServer(client);
      const listener = client.duplicate() as Client;
      listener.on("message", () => this.#rouse());
      // What was told while it was away is looked up.
      listener.on("ready", () => this.#rouse());
      await listener.subscribe(this.#channel);
      return client;
    })();
    this.#started.catch(() => {
      this.#started = undefined;
    });
    return await this.#started;
  }

  #rouse(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Waits until something was told, the time is over, or the signal aborts. */
  async pause(most: number, signal: AbortSignal | undefined): Promise<void> {
    let wake!: () => void;
    let timer: NodeJS.Timeout | undefined;
    const told = new Promise<void>((resolve) => {
      wake = resolve;
      timer = setRealTimeout(resolve, Math.min(most, 0x7fffffff));
    });
    this.#waiting.add(wake);
    signal?.addEventListener("abort", wake);
    await told;
    clearRealTimeout(timer);
    this.#waiting.delete(wake);
    signal?.removeEventListener("abort", wake);
  }

  /** What uses it keeps the program alive. */
  #use(change: number): void {
    this.#uses += change;
    this.#clients.hold(this.#uses > 0);
  }

  hold(): void {
    this.#use(1);
  }

  letGo(): void {
    this.#use(-1);
  }

  close(): void {
    this.#isClosed = true;
    this.#clients.close();
  }
}
