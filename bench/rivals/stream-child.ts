/** A bare child process that sends ints to its parent, which must be told when the first one went off. */
const count = Number(process.argv[2]);
const now = (): number => Number(process.hrtime.bigint()) / 1e9;

process.once("message", () => {
  const start = now();
  for (let item = 0; item < count; item++) process.send!(item);
  process.send!({ start }, undefined, undefined, () => process.disconnect());
});
