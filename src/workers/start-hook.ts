/** What is done in each worker of ours before its work begins, once it has its heap. */
const hooks: (() => void)[] = [];

export function onWorkerStart(hook: () => void): void {
  hooks.push(hook);
}

export function runStartHooks(): void {
  for (const hook of hooks) hook();
}
