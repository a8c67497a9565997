/** RLock: alone, and entered again. */
import { isMain, RLock } from "allcores";
import { type Figure, perRound, report, within } from "./measure.js";

const LIMIT_NS = 150;

function uncontended(across: "threads" | "processes"): Figure[] {
  const lock = new RLock({ across });
  const outer = perRound(7, 2_000_000, (rounds) => {
    for (let round = 0; round < rounds; round++) lock.acquireSync()[Symbol.dispose]();
  });
  using _ = lock.acquireSync();
  const inner = perRound(7, 2_000_000, (rounds) => {
    for (let round = 0; round < rounds; round++) lock.acquireSync()[Symbol.dispose]();
  });
  return [
    within(`RLock across ${across}: acquireSync + dispose`, "ns", outer, LIMIT_NS),
    within(`RLock across ${across}: acquireSync + dispose while held`, "ns", inner, LIMIT_NS),
  ];
}

if (isMain(import.meta)) report([...uncontended("threads"), ...uncontended("processes")]);
