/** A small web site on this machine, with a page that is slow, one that fails and one that never answers. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const PAGES: Record<string, readonly string[]> = {
  "/": ["/fruit", "/vegetables", "/slow", "/nowhere"],
  "/fruit": ["/fruit/apple", "/fruit/pear", "/"],
  "/vegetables": ["/vegetables/leek", "/fruit", "/silent"],
  "/fruit/apple": ["/fruit/apple/seed"],
  "/fruit/pear": [],
  "/fruit/apple/seed": ["/fruit/apple/seed/tree"],
  "/fruit/apple/seed/tree": [],
  "/vegetables/leek": ["/fruit/pear"],
  "/slow": [],
  "/silent": [],
};
const SLOW_MS = 50;

export async function openSite(): Promise<{ origin: string; server: Server }> {
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    const links = PAGES[path];
    if (path === "/silent") return;
    if (links === undefined) {
      response.writeHead(404).end("not here");
      return;
    }
    const page = `<h1>${path}</h1>${links.map((link) => `<a href="${link}">${link}</a>`).join("")}`;
    if (path === "/slow") setTimeout(() => response.end(page), SLOW_MS);
    else response.end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
