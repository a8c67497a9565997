/** A circle of waits as a report. */
import type { DeadlockMember, DeadlockReport, ReportedObject, ReportedWorker } from "../errors/deadlock-report.js";
import { type Heap, realDate } from "../memory/index.js";
import { workerInfo } from "../parking/index.js";
import { insightInto } from "../objects/index.js";
import { titleOf, workerAt } from "./identity.js";
import type { Circle, Dependency, Party } from "./wait-graph.js";

/** What a wait record says in words, of each wait in its order. */
export interface Description {
  /** Where one call waits for all of them. */
  readonly stack?: string;
  readonly objects: readonly { readonly label?: string; readonly stack?: string; readonly created?: string }[];
}

/** The description on a wait record; what cannot be read is left out. */
export function descriptionOf({
  heap,
  record,
  waitRecord,
}: {
  heap: Heap;
  record: number;
  waitRecord: workerInfo.FoundWaitRecord;
}): Description {
  try {
    const { stack, objects } = JSON.parse(
      workerInfo.readWaitRecord(heap, record, waitRecord) ?? "{}",
    ) as Partial<Description>;
    if (!Array.isArray(objects)) return { objects: [] };
    return { objects: stack === undefined ? objects : objects.map((object) => ({ stack, ...object })) };
  } catch {
    return { objects: [] };
  }
}

/** What an object is called: a worker that is waited for has a name. */
export function labelOf(object: object): string | undefined {
  const { label, name } = object as { label?: string; name?: string };
  return label ?? name;
}

export function workerOf(party: Party): ReportedWorker {
  const { heap, record } = party.seats[0]!;
  return workerAt(heap, record);
}

export function reportOf({ members, proven }: Circle, victim: Party | undefined): DeadlockReport {
  const named = members.map(({ party, dependencies }) => ({
    party,
    worker: workerOf(party),
    waits: dependencies.map(describe),
  }));
  const holds = (party: Party): ReportedObject[] => {
    const held = new Map<string, ReportedObject>();
    for (const { waits } of named) {
      for (const { heap, object } of waits) {
        const holds = insightInto(heap.allocator.kindOf(object.id))?.held?.(heap, object.id) ?? [];
        if (holds.some(({ worker }) => party.is(heap, worker)))
          held.set(`${object.across}.${object.id}`, plain(object));
      }
    }
    return [...held.values()];
  };
  const described: DeadlockMember[] = named.flatMap(({ party, worker, waits }) =>
    waits.map(({ object, stack, created }) => ({
      worker,
      waitsFor: object,
      how: party.isBlocked ? "blocking" : "awaiting",
      since: party.since,
      ...(stack === undefined ? {} : { stack }),
      ...(created === undefined ? {} : { created }),
      holds: holds(party),
    })),
  );
  const kind = described.some(({ holds }) => holds.length > 0) ? "cycle" : "abandoned";
  const hit = victim === undefined ? undefined : named.find(({ party }) => party === victim)?.worker;
  const report = { kind, proven, members: described, ...(hit === undefined ? {} : { victim: hit }) } as const;
  return { ...report, text: textOf(report) };
}

function describe({ waiting, at, key }: Dependency): {
  heap: Heap;
  object: DeadlockMember["waitsFor"];
  stack: string | undefined;
  created: string | undefined;
} {
  const { heap, waitRecord } = waiting;
  const written = descriptionOf(waiting).objects[waitRecord.waits.findIndex((wait) => wait.key === key)];
  const insight = insightInto(heap.allocator.kindOf(at));
  const purpose = insight?.purpose?.(at, key);
  const object = {
    kind: insight?.name ?? "object",
    ...(written?.label === undefined ? {} : { label: String(written.label) }),
    across: heap.across,
    id: at,
    ...(purpose === undefined ? {} : { purpose }),
  };
  const text = (value: unknown) => (value === undefined ? undefined : String(value));
  return { heap, object, stack: text(written?.stack), created: text(written?.created) };
}

function plain({ kind, label, across, id }: ReportedObject): ReportedObject {
  return { kind, ...(label === undefined ? {} : { label }), across, id };
}

export function nameOf({ kind, label, across, id }: ReportedObject): string {
  return label === undefined
    ? `${kind} ${id}${across === "processes" ? " across processes" : ""}`
    : `${kind} "${label}"`;
}

/** Workers of a pool whose tasks wait for others of the same pool, so that none is left to run them. */
export function poolReport(
  heap: Heap,
  callers: readonly number[],
  pool: { title: string; id: number },
): DeadlockReport {
  const members: DeadlockMember[] = callers.map((caller) => ({
    worker: workerAt(heap, heap.registry.recordOf(caller)),
    waitsFor: { kind: pool.title, across: heap.across, id: pool.id, purpose: "a task" },
    how: "awaiting",
    holds: [],
  }));
  const report = { kind: "pool", proven: true, members } as const;
  return { ...report, text: textOf(report) };
}

function textOf({ kind, proven, members, victim }: Omit<DeadlockReport, "text">): string {
  const workers = new Set(members.map(({ worker }) => titleOf(worker))).size;
  const parts = workers === 1 ? "a worker waits" : `${workers} workers wait`;
  const head =
    kind === "pool"
      ? `the tasks of all ${workers} workers of a pool would wait for tasks of that pool`
      : kind === "abandoned"
        ? `${parts} for what no other worker can bring about`
        : proven
          ? `${parts} ${workers === 1 ? "for itself" : "for each other"}`
          : `${parts} ${workers === 1 ? "for itself" : "for each other"}, unless somebody else releases what they hold`;
  const lines = [`allcores: ${proven ? "deadlock" : "possible deadlock"}: ${head}`];
  for (const wait of waitsAmong(members)) {
    const [{ worker, how, since, stack, holds }] = wait;
    const duration = since === undefined ? "" : ` ${Math.max(0, (realDate() - since) / 1000).toFixed(1)} s`;
    const objects = wait.map(
      ({ waitsFor }) => `${nameOf(waitsFor)}${waitsFor.purpose === undefined ? "" : ` (${waitsFor.purpose})`}`,
    );
    const held = holds.length === 0 ? "" : ` holds ${holds.map(nameOf).join(", ")} and`;
    const idle = how === "blocking" || kind === "pool" ? "" : ", its event loop has nothing else to do";
    lines.push(`  ${titleOf(worker)}${held} has waited${duration} for ${objects.join(" or ")}${idle}`);
    if (stack !== undefined) lines.push(...indented(stack));
    for (const { waitsFor, created } of wait)
      if (created !== undefined) lines.push(`    ${nameOf(waitsFor)} was created`, ...indented(created));
  }
  if (victim !== undefined) lines.push(`  ${titleOf(victim)} gets a DeadlockError, so that the others go on`);
  return lines.join("\n");
}

/** What a blocked worker waits for is one wait, for whatever comes first; what an event loop awaits is many. */
function waitsAmong(members: readonly DeadlockMember[]): [DeadlockMember, ...DeadlockMember[]][] {
  const waits: [DeadlockMember, ...DeadlockMember[]][] = [];
  for (const member of members) {
    const last = waits.at(-1);
    const { pid, tid } = member.worker;
    if (member.how === "blocking" && last?.[0].worker.pid === pid && last[0].worker.tid === tid) last.push(member);
    else waits.push([member]);
  }
  return waits;
}

function indented(stack: string): string[] {
  return stack.split("\n").map((line) => `      ${line.trim()}`);
}
