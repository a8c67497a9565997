/** A bundle in which webpack has put the sources' paths, where the sources are not. */
import { ProcessPool, task, ThreadPool } from "allcores";

const square = task(import.meta, "square", (n) => n * n);

for (const Pool of [ThreadPool, ProcessPool])
  await new Pool({ workers: 1 })
    .submit(square, 3)
    .catch(({ message }) => console.log(`${Pool.name}: ${message.split(":")[0]}`));
process.exit();
