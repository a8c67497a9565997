import type { BlockLists } from "./block-lists.js";
import type { BlockWalk } from "./block-walk.js";
import type { Extents } from "./extents.js";
import {
  BLOCK,
  BLOCK_HEADER_WORDS,
  BLOCK_KIND_MASK,
  BLOCK_KIND_SHIFT,
  BLOCK_STATE_MASK,
  BLOCKS_AT,
  FREE,
  FREE_PAGE,
  KIND,
  PAGE_WORDS,
} from "./layout.js";
import type { PageTable } from "./page-table.js";
import type { Regions } from "./regions.js";
import { placeOf } from "./size-class.js";

/** Makes all lists of free memory anew from the page table and the headers of blocks. Inside the guard. */
export function rebuildLists(
  heap: Regions,
  pages: PageTable,
  lists: BlockLists,
  extents: Extents,
  walk: BlockWalk,
): void {
  pages.clear();
  lists.clear();
  const { words } = heap;
  const found: number[] = [];
  const noteExtent = (header: number): void => {
    const state = words[header + BLOCK.state]!;
    if ((state & BLOCK_STATE_MASK) !== FREE && ((state >>> BLOCK_KIND_SHIFT) & BLOCK_KIND_MASK) === KIND.extent)
      found.push(header + BLOCK_HEADER_WORDS);
  };
  let from = BLOCKS_AT;
  let end = BLOCKS_AT;
  walk.walkPages(
    (page, sizeClass, count) => {
      const isEmpty =
        sizeClass < 0 ? (words[page + BLOCK.state]! & BLOCK_STATE_MASK) === FREE : lists.relist(page, sizeClass);
      end = page + count * PAGE_WORDS;
      if (isEmpty) {
        if (sizeClass < 0) pages.raiseGeneration(page, words[page + BLOCK.generation]!);
        for (let each = page; each < end; each += PAGE_WORDS) pages.release(each);
        return;
      }
      pages.relist(from, page);
      from = end;
      if (sizeClass < 0) noteExtent(page);
      else
        for (let index = lists.carvedIn(page, sizeClass) - 1; index >= 0; index--)
          noteExtent(page + placeOf(sizeClass, index) - BLOCK_HEADER_WORDS);
    },
    (page, code) => {
      // What has no first page was about to be used, or to be given back.
      if (code !== FREE_PAGE) pages.release(page);
      end = page + PAGE_WORDS;
    },
  );
  pages.relist(from, end);
  extents.rebuild(found);
}
