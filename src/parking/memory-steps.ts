/**
 * The steps of a sweep that give back what memory/ keeps for workers: it stands below, and adds none itself. After the
 * wake-ups, which wait for no stopped worker. A stopped worker may be inside the allocator; a semaphore may be busy,
 * with a worker that waits for something that the dead one has.
 */
import { load, store } from "#atomics";
import { RECORD } from "../memory/layout.js";
import { AT_ONCE, within } from "../memory/time-limit.js";
import { onSweep } from "./sweep.js";
import "./dead-grants.js";

onSweep({
  doing: "giving back the drafts of a worker that ended",
  run: ({ allocator }, _record, dead) => atOnce(() => allocator.freeDraftsOf(dead)),
});

onSweep({
  doing: "using up the permits of a worker that ended",
  run: ({ references, words }, record, dead) =>
    load(words, record + RECORD.ended) === 0 || within(AT_ONCE, () => references.endPartsOf(record, dead)) === true,
});

onSweep({
  doing: "letting go of what a worker held that ended",
  run: ({ references }, record) => {
    references.dropAllOf(record);
    return true;
  },
  cut: ({ words }, record) => store(words, record + RECORD.references, 0),
});

/** Whether it was done; not where a stopped worker is inside a mutex that it needs. */
function atOnce(section: () => void): boolean {
  return (
    within(AT_ONCE, () => {
      section();
      return true;
    }) === true
  );
}
