/** What the workers of the comparison run. A file of its own, so that they load nothing of the command. */
import { closeSync, openSync, readSync } from "node:fs";
import { Agent, createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import type { Event, Lock, Value } from "../../index.js";
import { setRealTimeout } from "../../memory/clock.js";
import { factorial, factorialInSlices } from "./factorial.js";
import { sha256 } from "./sha256.js";

/** So many bytes of a file, from its beginning. */
export interface Piece {
  readonly path: string;
  readonly bytes: number;
}

export function nothing(): void {}

/** How many hexadecimal digits n! has. */
export function countDigits(n: number): number {
  return factorial(n).toString(16).length;
}

/** The same by one thread at a time, which gives the lock back after a slice of computing, as CPython does. */
export function countDigitsUnderGlobalLock(gil: Lock, n: number): number {
  const work = factorialInSlices(1, n);
  while (true) {
    using _ = gil.acquireSync();
    const slice = work.next();
    if (slice.done) return slice.value.toString(16).length;
  }
}

export function hashPiece(piece: Piece): string {
  return sha256(read(piece));
}

export function hashPieceUnderGlobalLock(gil: Lock, piece: Piece): string {
  const bytes = read(piece);
  return gil.runSync(() => sha256(bytes));
}

/** The file over and over, if it is shorter than the piece. */
function read({ path, bytes }: Piece): Uint8Array {
  const file = openSync(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(bytes);
    for (let at = 0; at < bytes; ) at += readSync(file, buffer, at, bytes - at, 0);
    return buffer;
  } finally {
    closeSync(file);
  }
}

let agent: Agent | undefined;

export async function request(url: string): Promise<number> {
  return idOf(await send(url));
}

/** A thread that waits for its answer has given the lock back, as in CPython. */
export async function requestUnderGlobalLock(gil: Lock, url: string): Promise<number> {
  const answer = gil.runSync(() => send(url));
  const text = await answer;
  return gil.runSync(() => idOf(text));
}

function send(url: string): Promise<string> {
  agent ??= new Agent({ keepAlive: true });
  const options = { agent };
  return new Promise((resolve, reject) => {
    get(url, options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(text));
      response.on("error", reject);
    }).on("error", reject);
  });
}

function idOf(text: string): number {
  return (JSON.parse(text) as { id: number }).id;
}

/** A server that takes its time, until `stop`. `port`: where it listens, once `ready`. */
export async function answerRequests(delay: number, port: Value<number>, ready: Event, stop: Event): Promise<void> {
  const server = createServer(({ url }, response) => {
    setRealTimeout(() => response.end(JSON.stringify({ id: Number(url?.slice(1)) })), delay);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port.value = (server.address() as AddressInfo).port;
  ready.set();
  await stop.wait();
  server.close();
  server.closeAllConnections();
}
