/** The routes of a pool's tasks: one for each task that it was given. */
import type { TaskChoice } from "../pools/choosing-pool.js";
import type { TaskIdentity } from "../workers/task.js";
import { Route, type RouteModel } from "./route.js";

export class Routes {
  readonly #routes = new Map<string, Route>();
  readonly #excluded: ReadonlyMap<RouteModel, string>;

  /** @param excluded what the pool's options leave out, and why */
  constructor(excluded: ReadonlyMap<RouteModel, string>) {
    this.#excluded = excluded;
  }

  of({ url, name }: TaskIdentity): Route {
    const key = `${url}#${name}`;
    let route = this.#routes.get(key);
    if (route === undefined) this.#routes.set(key, (route = new Route(name, this.#excluded)));
    return route;
  }

  get undecided(): Route[] {
    return [...this.#routes.values()].filter(({ model }) => model === undefined);
  }

  get areDecided(): boolean {
    for (const route of this.#routes.values()) if (route.model === undefined) return false;
    return true;
  }

  get choices(): TaskChoice[] {
    return [...this.#routes.values()].map(({ choice }) => choice);
  }
}
