/** When an event loop counts as waiting: never once what it awaited has come, in whatever way it heard of that. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Barrier, detectDeadlocks, type DeadlockReport, Event, Lock, onDeadlock, sleep, Thread } from "allcores";
import { cards, type Heap } from "../../src/memory/index.js";
import * as tasks from "../fixtures/deadlock-tasks.js";
import { until, WHOLE } from "../fixtures/deadlock-scene.js";
import { waitersOf } from "../fixtures/waiters.js";
