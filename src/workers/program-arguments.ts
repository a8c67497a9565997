/**
 * What stands behind the program on its command line. Workers get it in the same place, so that the module of a task
 * reads `process.argv.slice(2)` as the program does.
 *
 * `process.argv[1]` of a worker stays the file that Node runs there, and not the program: a module that compares that
 * with its own path would take itself for the program in every worker.
 */
export function programArguments(): string[] {
  // A program may have put anything there, and Node starts a child with strings only.
  return process.argv.slice(2).map(String);
}
