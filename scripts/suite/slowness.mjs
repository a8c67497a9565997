// How much slower this machine is at present than an idle one: the factor of every limit of time in tests.
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";

/** What the two below take on two idle virtual cores, in milliseconds. */
const idle = { loop: 60, start: 45 };
const rounds = 5;
/** Beyond it, what hangs would not be told of on the same day. */
const most = 30;

/**
 * 1 on an idle machine, 3 where everything takes three times as long; never below 1. More by the files that are going
 * to run side by side on one processor.
 */
export async function measureSlowness(lanes) {
  const samples = [];
  for (let round = 0; round < rounds; round++) {
    const loop = timed(() => {
      let x = 1;
      for (let n = 0; n < 30_000_000; n++) x = (x * 31 + n) | 0;
      return x;
    });
    const began = performance.now();
    const code = await new Promise((resolve, reject) =>
      spawn(process.execPath, ["-e", "0"], { stdio: "ignore" }).on("exit", resolve).on("error", reject),
    );
    if (code !== 0) throw new Error(`a program that does nothing ended with ${code}`);
    samples.push(Math.max(loop / idle.loop, (performance.now() - began) / idle.start));
  }
  samples.sort((a, b) => a - b);
  // The median but one: a moment of rest must not promise an idle machine.
  return Math.min(most, Math.max(1, samples[rounds - 2]) * Math.max(1, lanes / availableParallelism()));
}

function timed(work) {
  const began = performance.now();
  work();
  return performance.now() - began;
}
