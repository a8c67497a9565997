import { MemoryLimitError, WorkerDiedError } from "../errors/index.js";
import type { Job } from "./job.js";
import type { Member } from "./member.js";
import type { ResourceLimits } from "./pool-options.js";
import type { WorkerEnd } from "./worker-model.js";

/** What a job fails of whose worker ended. */
export function deathOf(member: Member, { exitCode, signal, cause, outOfMemory }: WorkerEnd, job: Job, { heap, rss }: ResourceLimits): Error {
  const rest = `while it ran the task "${job.task.name}"; the pool goes on with another worker`;
  if (outOfMemory) {
    const limits = [heap === undefined ? "" : `heap: ${heap} MB`, rss === undefined ? "" : `rss: ${rss} MB`].filter((text) => text !== "").join(", ");
    return new MemoryLimitError(`${member.name} took more memory than resourceLimits allow (${limits}) ${rest}`, cause === undefined ? undefined : { cause });
  }
  const how = signal !== undefined ? `was killed by ${signal}` : `ended with exit code ${exitCode}`;
  return new WorkerDiedError(`${member.name} ${how} ${rest}`, { exitCode, signal, ...(cause === undefined ? {} : { cause }) });
}
