/** `allcores/testing`: explores the schedules of small concurrent programs. */
export { Exploration, type ExplorationFailure, type FailureKind } from "./exploration.js";
export { explore } from "./explore.js";
export type { ExploreOptions, ExploreProgress, Program } from "./program.js";
