/** An HTTP server, one of several on the same port: looks into the cache that all share before it computes. */
import http from "node:http";
import { type Lock, type Packed, type SharedArray, unpack, type Value } from "allcores";

export interface Shared {
  /** How many primes there are below (index + 10) * 20000; 0 where that is not known yet. */
  readonly answers: SharedArray<number>;
  /** Who computes an answer has its lock: everybody else waits for it, without blocking its event loop. */
  readonly locks: readonly Lock[];
  readonly computed: Value<number>;
  readonly takenOver: Value<number>;
  /** The first process that computes something. */
  readonly busy: Value<number>;
}

process.once("message", (message: Packed<Shared>) => {
  const { answers, locks, computed, takenOver, busy } = unpack(message);

  async function answer(question: number): Promise<number> {
    if (answers.get(question) === 0) {
      await locks[question]!.run((held) => {
        // While this one waited, another has computed it, or died before it could.
        if (answers.get(question) !== 0) return;
        busy.compareExchange(0, process.pid);
        answers.set(question, primesBelow((question + 10) * 20_000));
        computed.add(1);
        if (held.ownerDied) takenOver.add(1);
      });
    }
    return answers.get(question);
  }

  http
    .createServer((request, response) => {
      void answer(Number(request.url!.split("/").at(-1))).then((primes) => {
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
