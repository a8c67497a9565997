/** Event: how fast `set` wakes who waits, process to process. */
import { Event, isMain, Process, task } from "allcores";
import { alternate, atMost, compared, report } from "./measure.js";
import { futexPingPong } from "./rivals/futex.js";

const TURNS = 11;
const ROUNDS = 5000;

const answer = task(import.meta, function answer(ping: Event, pong: Event): void {
  for (;;) {
    ping.waitSync();
    ping.clear();
    pong.set();
  }
});

if (isMain(import.meta)) {
  const ping = new Event({ across: "processes" });
  const pong = new Event({ across: "processes" });
  const child = new Process(answer, { args: [ping, pong], daemon: true }).start();
  const rival = futexPingPong();
  const pairs = await alternate(
    TURNS,
    () => {
      const start = performance.now();
      for (let round = 0; round < ROUNDS; round++) {
        ping.set();
        pong.waitSync();
        pong.clear();
      }
      return ((performance.now() - start) * 1e3) / ROUNDS;
    },
    () => rival.run(ROUNDS),
    2,
  );
  child.kill();
  rival.end();
  report([compared("wake a blocked process, round trip", "µs", pairs, "bare futex", atMost(2))]);
}
