/** `allcores/testing`: explores the schedules of small concurrent programs. */
export { ScheduleError } from "../errors/index.js";
export { Exploration, type ExplorationFailure, type FailureKind } from "./exploration.js";
export { explore } from "./explore.js";
export type { ExploreOptions, ExploreProgress, Program } from "./program.js";
