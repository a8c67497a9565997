/** Where and with what a benchmark ran. */
import { readFile } from "node:fs/promises";
import os from "node:os";
import { pythonVersion } from "./measure.js";

/** The folder of the package. */
export const root = new URL("../../", import.meta.url);

export function machine() {
  const cpu = os.cpus();
  return {
    cpu: cpu[0]?.model,
    cores: cpu.length,
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()}`,
    arch: os.arch(),
    load: os.loadavg(),
  };
}

const versionIn = async (folder: string): Promise<string> =>
  (JSON.parse(await readFile(new URL(`${folder}package.json`, root), "utf8")) as { version: string }).version;

/** Of what took part; `packages` by their names. */
export async function versions(packages: readonly string[] = []): Promise<Record<string, string | null>> {
  const others = packages.map(
    async (name) => [name, await versionIn(`node_modules/${name}/`).catch(() => null)] as const,
  );
  return {
    allcores: await versionIn(""),
    node: process.versions.node,
    v8: process.versions.v8,
    python: pythonVersion() ?? null,
    ...Object.fromEntries(await Promise.all(others)),
  };
}
