/**
 * Crawls a small site on this machine: a TaskGroup that grows by what it finds, a time limit for each page, a rate
 * limit for the site. `npm run example:crawler`
 */
import { isMain, sleep } from "allcores";
import { crawl } from "./crawl.js";
import { openSite } from "./site.js";

const RATE = { limit: 4, interval: 100 };

if (isMain(import.meta)) {
  const { origin, server } = await openSite();
  try {
    const start = performance.now();
    const pages = await crawl(origin, { depth: 3, pageTimeout: 500, concurrency: 4, rate: RATE });
    const took = performance.now() - start;
    for (const { path, depth, outcome } of pages)
      console.log(`${"  ".repeat(depth)}${path}: ${typeof outcome === "string" ? outcome : `${outcome.length} links`}`);
    console.log(`${pages.length} pages`);
    const least = Math.floor((pages.length - 1) / RATE.limit) * RATE.interval;
    console.log(took >= least ? "the rate was kept" : `too fast: ${took} ms`);

    // The same crawl, called off in the middle: whatever was under way is cancelled, and nothing is left running.
    const controller = new AbortController();
    const crawling = crawl(origin, {
      depth: 3,
      pageTimeout: 60_000,
      concurrency: 4,
      rate: RATE,
      signal: controller.signal,
    });
    void sleep(150).then(() => controller.abort(new Error("the user has seen enough")));
    console.log(await crawling.then(String, (error: Error) => `called off: ${error.message}`));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
