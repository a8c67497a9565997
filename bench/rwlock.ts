/** RWLock: alone, reading and writing. */
import { isMain, RWLock } from "allcores";
import { type Figure, perRound, report, within } from "./measure.js";

const LIMIT_NS = 150;

function uncontended(across: "threads" | "processes"): Figure[] {
  const lock = new RWLock({ across });
  const reading = perRound(7, 1_000_000, (rounds) => {
    for (let round = 0; round < rounds; round++) lock.readSync()[Symbol.dispose]();
  });
  const writing = perRound(7, 1_000_000, (rounds) => {
    for (let round = 0; round < rounds; round++) lock.writeSync()[Symbol.dispose]();
  });
  return [
    within(`RWLock across ${across}: readSync + dispose`, "ns", reading, LIMIT_NS),
    within(`RWLock across ${across}: writeSync + dispose`, "ns", writing, LIMIT_NS),
  ];
}

if (isMain(import.meta)) report([...uncontended("threads"), ...uncontended("processes")]);
