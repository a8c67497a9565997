import type { ChildProcess, SpawnOptions } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { mainProgram } from "../codec/index.js";
import { bare, processHeap } from "../memory/index.js";
import { binding, checkDescriptors, outOfDescriptors, processPlatform } from "../platform/index.js";
import { entryUrl } from "./entry-url.js";
import { libraryFile } from "./library-file.js";
import { livingChildren } from "./living-children.js";
import { depthOfNext } from "./main-guard.js";
import { inheritedOptions } from "./node-options.js";
import { commandLine, ORDERS_DESCRIPTOR, type ProcessStart } from "./process-start.js";
import { programArguments } from "./program-arguments.js";
import type { CheckedEnvironment } from "./worker-environment.js";
import { openStdio, pipeStdio } from "./worker-stdio.js";

/** How many a start takes in the parent: the lifeline's ends, and a pipe by which the child tells that it runs. */
const DESCRIPTORS = 4;
/** For each of a child's own that is a file or a pipe. */
const MORE_FOR_STDIO = 2;
/** The socket of orders. */
const MORE_FOR_ORDERS = 2;

/** The ends of lifelines that stay here. */
const lifelineEnds = new Map<ChildProcess, number>();

/** Starts a child that runs one of this library's entries. It ends when this process does, whatever it is doing. */
export function spawnChild(
  options: Omit<ProcessStart, "depth" | "parent" | "program" | "binding" | "code" | "entry" | "isBundled">,
  { env, argv, execArgv, cwd, stdio }: CheckedEnvironment,
  nodeOptions: readonly string[] = [],
  file?: string,
): ChildProcess {
  const depth = depthOfNext();
  const entry = file ?? fileURLToPath(entryUrl());
  const code = file === undefined ? libraryFile() : undefined;
  const start: ProcessStart = {
    ...options,
    depth,
    entry,
    isBundled: file !== undefined,
    program: mainProgram(),
    parent: process.pid,
    binding: binding(),
    code,
  };
  const hasOrders = options.kind !== "task";
  const ofStdio = Object.values(stdio).filter((each) => typeof each !== "string").length;
  checkDescriptors(DESCRIPTORS + (hasOrders ? MORE_FOR_ORDERS : 0) + MORE_FOR_STDIO * ofStdio, "another process");
  // Loaded here, as in every file that few workers need: each built-in module costs every worker that starts.
  const { spawn } = process.getBuiltinModule("node:child_process");
  const { closeSync } = process.getBuiltinModule("node:fs");
  const { handOver, lifeline: lifelines } = processPlatform();
  const own = openStdio(stdio);
  let lifeline: ReturnType<typeof lifelines.create>;
  try {
    lifeline = lifelines.create();
  } catch (error) {
    own.close();
    throw error;
  }
  let child: ChildProcess | undefined;
  try {
    child = spawn(
      process.execPath,
      [...(execArgv ?? inheritedOptions()), ...nodeOptions, ...commandLine(start, argv ?? programArguments())],
      bare<SpawnOptions>({
        stdio: [
          ...own.entries,
          handOver.ofMemory(processHeap().descriptor) ?? "ignore",
          lifeline.childs,
          code?.descriptor ?? "ignore",
          ...(hasOrders ? (["pipe"] as const) : []),
        ],
        serialization: "json",
        env,
        cwd,
      }),
    );
    // At once: a child takes a while until it could do so itself, and may never come to that.
    if (child.pid !== undefined) lifelines.killWhenClosed(lifeline.childs, child.pid);
  } finally {
    own.close();
    handOver.close(lifeline.childs);
    if (child?.pid === undefined) closeSync(lifeline.parents);
  }
  // Others took the descriptors meanwhile: Node goes no further than this then, and says so by an event later on.
  if (child.stdio === undefined) {
    child.on("error", () => {});
    throw outOfDescriptors("another process");
  }
  if (child.pid === undefined) return child;
  pipeStdio(child, stdio);
  livingChildren.add(child);
  lifelineEnds.set(child, lifeline.parents);
  child.once("exit", () => {
    livingChildren.delete(child);
    releaseChild(child);
  });
  const orders = ordersOf(child);
  orders?.on("error", () => {});
  orders?.unref();
  return child;
}

/** A child has ended: gives back the descriptors that this process has for it. */
export function releaseChild(child: ChildProcess): void {
  const lifelineEnd = lifelineEnds.get(child);
  if (lifelineEnd === undefined) return;
  lifelineEnds.delete(child);
  process.getBuiltinModule("node:fs").closeSync(lifelineEnd);
  ordersOf(child)?.destroy();
}

/** The socket by which a child gets its orders that is a pool's or was started ahead. */
export function ordersOf(child: ChildProcess): Socket | null | undefined {
  return (child.stdio as readonly unknown[])[ORDERS_DESCRIPTOR] as Socket | null | undefined;
}
