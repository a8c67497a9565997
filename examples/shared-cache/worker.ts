/** An HTTP server, one of several on the same port: looks into the cache that all share before it computes. */
import http from "node:http";
import { type Lock, type Packed, type SharedMap, unpack, type Value } from "allcores";

export interface Shared {
  /** By question, how many primes there are below (question + 10) * 20000. */
  readonly answers: SharedMap<number>;
  /** Who computes an answer has its lock: everybody else waits for it, without blocking its event loop. */
  readonly locks: readonly Lock[];
  readonly computed: Value<number>;
  readonly takenOver: Value<number>;
  /** The first process that computes something. */
  readonly busy: Value<number>;
}

process.once("message", (message: Packed<Shared>) => {
  const { answers, locks, computed, takenOver, busy } = unpack(message);

  async function answer(question: string): Promise<number> {
    const known = answers.get(question);
    if (known !== undefined) return known;
    return await locks[Number(question)]!.run((held) => {
      // While this one waited, another has computed it, or died before it could.
      const known = answers.get(question);
      if (known !== undefined) return known;
      busy.compareExchange(0, process.pid);
      const primes = primesBelow((Number(question) + 10) * 20_000);
      answers.set(question, primes);
      computed.add(1);
      if (held.ownerDied) takenOver.add(1);
      return primes;
    });
  }

  http
    .createServer((request, response) => {
      void answer(request.url!.split("/").at(-1)!).then((primes) => {
        response.setHeader("worker", process.pid);
        response.end(String(primes));
      });
    })
    .listen(0);
});
process.send!("ready");

function primesBelow(end: number): number {
  let primes = 0;
  for (let candidate = 2; candidate < end; candidate++) {
    let divisor = 2;
    while (divisor * divisor <= candidate && candidate % divisor !== 0) divisor++;
    if (divisor * divisor > candidate) primes++;
  }
  return primes;
}
