/** What stands where in a heap: names for places in a failing schedule's table. */
import {
  BLOCK,
  BLOCK_HEADER_WORDS,
  BLOCKS_AT,
  HEADER,
  type Heap,
  NODE,
  NODE_WORDS,
  PAGE_ENTRY,
  PAGE_TABLE_AT,
  RECORD,
  RECORD_WORDS,
  REGISTRY_AT,
  SLOT_MASK,
  UNIT_BYTES,
} from "../memory/index.js";
import { KIND as OF_CHANNELS } from "../channels/kinds.js";
import { KIND as OF_SHARED } from "../shared/kinds.js";
import { KIND as OF_SYNC } from "../sync/kinds.js";
import { CONTENDED, INCONSISTENT, OWNER_SHIFT, RESERVED } from "../sync/lock-word.js";
import { KIND as OF_WORKERS } from "../workers/kinds.js";
import { CLOCK_MEMORY, CONTROL_MEMORY, DATA_MEMORY, LIFE_MEMORY } from "./control-block.js";

/** The word of a SharedArray that names its extent. */
const ARRAY_EXTENT = 2;

const kinds: Record<string, number> = { ...OF_SYNC, ...OF_SHARED, ...OF_CHANNELS, ...OF_WORKERS };
const kindNames = new Map(Object.entries(kinds).map(([name, kind]) => [kind, name]));
const nameAt = (names: Record<string, number>, word: number): string | undefined =>
  Object.entries(names).find(([, at]) => at === word)?.[0];

export class Places {
  readonly #heap: Heap;
  /** First words of blocks, ascending, with their ends and kinds. */
  readonly #blocks: { readonly at: number; readonly end: number; readonly kind: string }[] = [];
  /** Parts of the data region, and whose they are. */
  readonly #extents: { readonly from: number; readonly to: number; readonly name: string }[] = [];
  readonly #labels: ReadonlyMap<number, string>;

  /** `labels`: names of objects by their first word. */
  constructor(heap: Heap, labels: ReadonlyMap<number, string>) {
    this.#heap = heap;
    this.#labels = labels;
    const { words } = heap;
    heap.allocator.forEachBlock((at, size) => {
      const kind = kindNames.get(heap.allocator.kindOf(at)) ?? "block";
      this.#blocks.push({ at, end: at + size, kind });
      if (kind === "sharedArray") {
        const { unit, bytes } = heap.allocator.extentOf(words[at + ARRAY_EXTENT]!);
        this.#extents.push({
          from: unit * UNIT_BYTES,
          to: unit * UNIT_BYTES + bytes,
          name: this.#nameOfBlock(at, kind),
        });
      }
    });
  }

  /** A name for a byte of a memory. */
  nameOf(memory: number, place: number): string {
    if (memory === CLOCK_MEMORY) return "the clock";
    if (memory === LIFE_MEMORY) return `worker ${place}`;
    if (memory === DATA_MEMORY) {
      const extent = this.#extents.find(({ from, to }) => place >= from && place < to);
      return extent === undefined ? `data, byte ${place}` : `${extent.name}, byte ${place - extent.from}`;
    }
    const word = place >> 2;
    if (word < REGISTRY_AT)
      return `heap.${nameAt(HEADER, word) ?? (word >= HEADER.freeRuns ? "freeRuns" : word >= HEADER.freeExtents ? "freeExtents" : "roomyPages")}`;
    if (word >= PAGE_TABLE_AT && word < BLOCKS_AT)
      return `page ${(word - PAGE_TABLE_AT) >> 1}.${nameAt(PAGE_ENTRY, (word - PAGE_TABLE_AT) & 1)}`;
    if (word < BLOCKS_AT) {
      const slot = Math.floor((word - REGISTRY_AT) / RECORD_WORDS);
      const inRecord = (word - REGISTRY_AT) % RECORD_WORDS;
      const who = `record of ${this.#ownerOf(slot)}`;
      if (inRecord < RECORD.nodes) return `${who}.${nameAt(RECORD, inRecord) ?? inRecord}`;
      const node = Math.floor((inRecord - RECORD.nodes) / NODE_WORDS);
      return `${who}.node ${node}.${nameAt(NODE, (inRecord - RECORD.nodes) % NODE_WORDS)}`;
    }
    for (const { at, end, kind } of this.#blocks) {
      if (word < at)
        return `header of ${this.#nameOfBlock(at, kind)}.${nameAt(BLOCK, word - at + BLOCK_HEADER_WORDS) ?? ""}`;
      if (word < end) return `${this.#nameOfBlock(at, kind)}[${word - at}]`;
    }
    return `word ${word}`;
  }

  /** What a word there says, where it is more than a number. */
  valueOf(memory: number, place: number, value: number): string {
    const word = place >> 2;
    if (
      memory !== CONTROL_MEMORY ||
      !this.#blocks.some(({ at, kind }) => at === word && (kind === "lock" || kind === "rlock"))
    )
      return String(value);
    if (value === 0) return "free";
    const owner = value >>> OWNER_SHIFT;
    const who = owner === 0 ? "free" : this.#ownerOf(owner & SLOT_MASK);
    return `${who}${value & CONTENDED ? ", waited for" : ""}${value & RESERVED ? ", reserved" : ""}${value & INCONSISTENT ? ", inconsistent" : ""}`;
  }

  /** Whether the place is the library's own: how workers are known, wait and are woken, and how memory is given out. */
  isInternal(memory: number, place: number): boolean {
    const word = place >> 2;
    return (
      memory === CONTROL_MEMORY && (word < BLOCKS_AT || this.#blocks.every(({ at, end }) => word < at || word >= end))
    );
  }

  #nameOfBlock(at: number, kind: string): string {
    const label = this.#labels.get(at);
    return label === undefined ? `${kind}@${at - BLOCKS_AT}` : `${kind} "${label}"`;
  }

  /** Thread numbers count the schedule runner as 0. */
  #ownerOf(slot: number): string {
    const tid = this.#heap.words[REGISTRY_AT + slot * RECORD_WORDS + RECORD.tid]!;
    return tid === 0 ? "the runner" : `worker ${tid - 1}`;
  }
}

/**
 * Whose record a byte of the control region belongs to, by index; undefined for any other byte, and in the runner's.
 */
export function ownerOfRecord({ words }: Heap, place: number): number | undefined {
  const word = place >> 2;
  if (word < REGISTRY_AT || word >= PAGE_TABLE_AT) return undefined;
  const tid = words[REGISTRY_AT + Math.floor((word - REGISTRY_AT) / RECORD_WORDS) * RECORD_WORDS + RECORD.tid]!;
  return tid === 0 ? undefined : tid - 1;
}
