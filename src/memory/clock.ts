/** The system's monotonic clock in whole milliseconds, the same for every worker of the machine: 32 bits that wrap, so differences are compared. Never 0. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return (seconds * 1000 + nanoseconds / 1e6) | 0 || 1;
}
