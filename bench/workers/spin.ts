/** Work for one core: arithmetic that cannot be optimised away, in plain JavaScript. */
import { type Barrier, task } from "allcores";
import { now } from "../measure.js";

const ROUNDS = 250_000_000;

function churn(): number {
  let state = 1;
  for (let round = 0; round < ROUNDS; round++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  return state;
}

export const spin = task(import.meta, function spin(gate: Barrier, times: number): readonly [
  start: number,
  end: number,
] {
  gate.waitSync();
  const start = now();
  for (let time = 0; time < times; time++) if (churn() === 0) throw new Error("xorshift never reaches 0");
  return [start, now()];
});
