/** A bare child process with one task: gets a number, sends the result. */
process.once("message", (message) =>
  process.send!((message as number) + 1, undefined, undefined, () => process.disconnect()),
);
