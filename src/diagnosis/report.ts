/** A circle of waits as a report. */
import type { DeadlockMember, DeadlockReport, ReportedObject, ReportedWorker } from "../errors/deadlock-report.js";
import { cards, type Heap, insightInto } from "../memory/index.js";
import { titleOf, workerAt } from "./identity.js";
import type { Circle, Dependency, Party } from "./wait-graph.js";

/** What a notice says in words, of each wait in its order. */
export interface Description {
  readonly objects: readonly { readonly kind: string; readonly label?: string; readonly created?: string }[];
  readonly stack?: string;
}

/** The description on a notice; what cannot be read is left out. */
export function descriptionOf({ heap, record, notice }: { heap: Heap; record: number; notice: cards.FoundNotice }): Description {
  try {
    const { objects, stack } = JSON.parse(cards.readNotice(heap, record, notice) ?? "{}") as Partial<Description>;
    return { objects: Array.isArray(objects) ? objects : [], ...(typeof stack === "string" ? { stack } : {}) };
  } catch {
    return { objects: [] };
  }
}

export function workerOf(party: Party): ReportedWorker {
  const { heap, record } = party.seats[0]!;
  return workerAt(heap, record);
}

export function reportOf({ members, proven }: Circle, victim: Party | undefined): DeadlockReport {
  const named = members.map(({ party, dependencies }) => ({ party, worker: workerOf(party), waits: dependencies.map(describe) }));
  const holds = (party: Party): ReportedObject[] => {
    const held = new Map<string, ReportedObject>();
    for (const { waits } of named) {
      for (const { dependency, object } of waits) {
        if (dependency.held && dependency.parties.includes(party)) held.set(`${object.across}.${object.id}`, plain(object));
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
  const kind = named.some(({ waits }) => waits.some(({ dependency }) => dependency.held)) ? "cycle" : "abandoned";
  const hit = victim === undefined ? undefined : named.find(({ party }) => party === victim)?.worker;
  const report = { kind, proven, members: described, ...(hit === undefined ? {} : { victim: hit }) } as const;
  return { ...report, text: textOf(report) };
}

function describe(dependency: Dependency): {
  dependency: Dependency;
  object: DeadlockMember["waitsFor"];
  stack: string | undefined;
  created: string | undefined;
} {
  const { waiting, at, key } = dependency;
  const { heap, notice } = waiting;
  const { objects, stack } = descriptionOf(waiting);
  const written = objects[notice.waits.findIndex((wait) => wait.key === key)];
  const insight = insightInto(heap.allocator.kindOf(at));
  const purpose = insight?.purpose?.(at, key);
  const object = {
    kind: String(written?.kind ?? insight?.name ?? "object"),
    ...(written?.label === undefined ? {} : { label: String(written.label) }),
    across: heap.across,
    id: at,
    ...(purpose === undefined ? {} : { purpose }),
  };
  return { dependency, object, stack, created: written?.created === undefined ? undefined : String(written.created) };
}

function plain({ kind, label, across, id }: ReportedObject): ReportedObject {
  return { kind, ...(label === undefined ? {} : { label }), across, id };
}

export function nameOf({ kind, label, across, id }: ReportedObject): string {
  return label === undefined ? `${kind} ${id}${across === "processes" ? " across processes" : ""}` : `${kind} "${label}"`;
}

function textOf({ kind, proven, members, victim }: Omit<DeadlockReport, "text">): string {
  const workers = new Set(members.map(({ worker }) => titleOf(worker))).size;
  const parts = workers === 1 ? "a worker waits" : `${workers} workers wait`;
  const head =
    kind === "abandoned"
      ? `${parts} for what no other worker can bring about`
      : proven
        ? `${parts} ${workers === 1 ? "for itself" : "for each other"}`
        : `${parts} ${workers === 1 ? "for itself" : "for each other"}, unless somebody else releases what they hold`;
  const lines = [`allcores: ${proven ? "deadlock" : "possible deadlock"}: ${head}`];
  for (const { worker, waitsFor, how, since, stack, created, holds } of members) {
    const seconds = Math.max(0, (Date.now() - since) / 1000).toFixed(1);
    const purpose = waitsFor.purpose === undefined ? "" : `, ${waitsFor.purpose},`;
    const held = holds.length === 0 ? "" : ` and holds ${holds.map(nameOf).join(", ")}`;
    lines.push(`  ${titleOf(worker)} has been ${how} for ${nameOf(waitsFor)}${purpose} for ${seconds} s${held}`);
    if (stack !== undefined) lines.push(...indented(stack));
    if (created !== undefined) lines.push(`    ${nameOf(waitsFor)} was created`, ...indented(created));
  }
  if (victim !== undefined) lines.push(`  ${titleOf(victim)} gets a DeadlockError, so that the others go on`);
  return lines.join("\n");
}

function indented(stack: string): string[] {
  return stack.split("\n").map((line) => `      ${line.trim()}`);
}
