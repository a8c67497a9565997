export { attachShared, endShared, holdSharedAgain, locate, registerShared, wrap } from "./attach.js";
export { Handle } from "./handle.js";
export { type Hold, type Holders, type Insight, insightInto, objectAround, onInspect } from "./insight.js";
export { insideOf, MONITOR, MONITOR_WORDS, Monitor, type MonitorInside, onMonitorNames } from "./monitor.js";
export { keepOrigins, noteOrigin, originOf } from "./origin.js";
export { heapIn, heapOf, heapOfReach, placeOf, type Reach, reachOf, SharedObject } from "./shared-object.js";
export { namesKnown, onNames, type Strike } from "./worker-names.js";
