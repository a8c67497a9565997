import { AsyncPool, TaskGroup, timeout, TimeoutError } from "allcores";

export interface CrawlOptions {
  /** How many links away from the first page. */
  depth: number;
  /** Milliseconds for one page. */
  pageTimeout: number;
  /** Requests at a time, and how many may begin in any so many milliseconds. */
  concurrency: number;
  rate: { limit: number; interval: number };
  /** Ends the whole crawl. */
  signal?: AbortSignal | undefined;
}

export interface Page {
  readonly path: string;
  readonly depth: number;
  /** Its links, or why there are none. */
  readonly outcome: readonly string[] | string;
}

/**
 * Reads a site page by page, each once. Every page that is found becomes a task of one group; the pool decides when its
 * request begins.
 */
export async function crawl(
  origin: string,
  { depth, pageTimeout, concurrency, rate, signal }: CrawlOptions,
): Promise<Page[]> {
  await using pool = new AsyncPool({ concurrency, rate });
  const pages: Page[] = [];
  const seen = new Set<string>();
  await TaskGroup.run(
    (group) => {
      const visit = (path: string, level: number) => {
        if (seen.has(path) || level > depth) return;
        seen.add(path);
        group.spawn(async (own) => {
          const outcome = await pool.with({ signal: own }).submit(read, origin + path, pageTimeout, own);
          pages.push({ path, depth: level, outcome });
          if (typeof outcome !== "string") for (const link of outcome) visit(link, level + 1);
        });
      };
      visit("/", 0);
    },
    { signal },
  );
  return pages.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The links of a page. That it is not there, or late, says something about the site and is no failure of the crawl. */
async function read(url: string, limit: number, signal: AbortSignal): Promise<readonly string[] | string> {
  try {
    return await timeout(
      limit,
      async (scope) => {
        const response = await fetch(url, { signal: scope.signal });
        const text = await response.text();
        return response.ok
          ? [...text.matchAll(/href="([^"]*)"/g)].map(([, link]) => link as string)
          : `${response.status}`;
      },
      { signal },
    );
  } catch (error) {
    if (error instanceof TimeoutError) return "no answer in time";
    throw error;
  }
}
