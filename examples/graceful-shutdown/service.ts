/**
 * A service whose work is done by processes, and which ends gracefully: told to end, it takes no more requests, answers
 * those that it has, lets its workers go, and ends.
 *
 * Service managers (systemd, pm2, Docker's init) and terminals send the signal to all processes of the service. The
 * workers leave it to the program that started them: so what they have begun is done, and the program has nothing to
 * arrange with them.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { isMain, ProcessPool } from "allcores";
import { hash } from "./hash.js";

if (isMain(import.meta)) {
  const pool = new ProcessPool({ workers: 2 });
  let accepted = 0;
  let answered = 0;

  const server = createServer(async (request, response) => {
    console.log(`accepted ${++accepted}`);
    response.end(await pool.submit(hash, request.url ?? ""));
    answered++;
  });
  server.listen(0, "127.0.0.1", () => console.log(`listening ${(server.address() as AddressInfo).port}`));

  let isStopping = false;
  const stop = (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    console.log(`stopping ${signal}`);
    // Nobody is let in any more; this is called once everybody is answered.
    server.close(async () => {
      pool.close();
      await pool.join();
      console.log(`stopped ${answered} of ${accepted} answered`);
    });
  };
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) process.on(signal, stop);
}
