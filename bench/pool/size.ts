/** How much is measured: `--quick` only shows that everything runs. */
export const quick = process.argv.includes("--quick");

export const sized = <T>(full: T, small: T): T => (quick ? small : full);
