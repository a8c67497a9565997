import type { Model } from "./model.js";
import {
  atMostOnce,
  deal,
  drain,
  empty,
  filled,
  full,
  get,
  getAwaiting,
  getBesidePut,
  getTwice,
  getWhatComes,
  narrow,
  once,
  onceAndForgotten,
  put,
  putAndJoin,
  putAndShutDown,
  putAwaiting,
  putLarge,
  putLong,
  putUnlessShutDown,
  shutDown,
  type Kind,
} from "./queue.model.js";

const kind: Kind = "LifoQueue";

export const models: Model[] = [
  {
    name: "a producer and a consumer: every item once",
    program: { setup: empty.partial(kind), workers: [put.partial(2), get.partial(2)], check: once.partial([1, 2]) },
  },
  {
    name: "an awaiting producer and consumer",
    program: {
      setup: empty.partial(kind),
      workers: [putAwaiting.partial(2), getAwaiting.partial(2)],
      check: once.partial([1, 2]),
    },
  },
  {
    name: "two consumers in one worker, each item to one of them",
    program: { setup: empty.partial(kind), workers: [put.partial(2), getTwice], check: once.partial([1, 2]) },
  },
  {
    name: "a producer waits for room",
    program: { setup: narrow.partial(kind), workers: [put.partial(2), get.partial(2)], check: once.partial([1, 2]) },
  },
  {
    name: "an awaiting producer waits for room",
    program: {
      setup: narrow.partial(kind),
      workers: [putAwaiting.partial(2), getAwaiting.partial(2)],
      check: once.partial([1, 2]),
    },
  },
  {
    name: "shutdown ends a wait for an item",
    program: { setup: filled.partial(kind), workers: [drain, shutDown], check: once.partial([30, 31]) },
  },
  {
    name: "what was put before the shutdown comes out",
    program: { setup: empty.partial(kind), workers: [drain, putAndShutDown], check: once.partial([10]) },
  },
  {
    name: "shutdown ends a wait for room",
    program: { setup: full.partial(kind), workers: [putUnlessShutDown, shutDown], check: once.partial([30, 0]) },
  },
  {
    name: "join waits until every item was dealt with",
    program: { setup: empty.partial(kind), workers: [putAndJoin, deal.partial(1)], check: once.partial([0]) },
  },
  {
    name: "a large item arrives whole and leaves nothing behind",
    program: { setup: empty.partial(kind), workers: [putLarge, get.partial(1)], check: onceAndForgotten.partial([0]) },
  },
  {
    name: "items go on in a new chunk, which is given back",
    program: { setup: empty.partial(kind), workers: [putLong, get.partial(2)], check: once.partial([1, 2]) },
  },
  {
    name: "what a dead producer put is whole or absent",
    program: { setup: empty.partial(kind), workers: [put.partial(1), getWhatComes], check: atMostOnce.partial([1]) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a large item of a dead producer is whole or absent",
    program: { setup: empty.partial(kind), workers: [putLarge, getWhatComes], check: atMostOnce.partial([0]) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "what a dead consumer took is never taken again, and the rest arrives",
    program: {
      setup: filled.partial(kind),
      workers: [get.partial(1), get.partial(1)],
      check: atMostOnce.partial([30, 31]),
    },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a waiting consumer dies, an item that was meant for it does not",
    program: {
      setup: empty.partial(kind),
      workers: [get.partial(1), getBesidePut.partial({ gets: 1, puts: 2 })],
      check: atMostOnce.partial([11, 12]),
    },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a waiting producer dies, room that was meant for it does not",
    program: {
      setup: full.partial(kind),
      workers: [put.partial(1), getBesidePut.partial({ gets: 2, puts: 1 })],
      check: atMostOnce.partial([30, 1, 11]),
    },
    options: { deaths: 1, mortal: [0] },
  },
];
