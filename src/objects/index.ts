export { type Hold, type Holders, type Insight, insightInto, objectAround, onInspect } from "./insight.js";
export { namesKnown, onNames, type Strike } from "./worker-names.js";
