// BullMQ's own dashboard over the queue of one-word.ts, with readable arguments. Not run by the tests of this repository:
//   npm install @bull-board/api @bull-board/express express bullmq ioredis && node examples/remote/dashboard.mjs
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { ExpressAdapter } from "@bull-board/express";
import { readable } from "allcores/remote";
import { Queue } from "bullmq";
import express from "express";

const connection = { url: process.env.REDIS ?? "redis://localhost:6379" };
const adapter = new BullMQAdapter(new Queue("one-word", { connection, prefix: "{allcores}" }));
adapter.setFormatter("data", readable);
adapter.setFormatter("returnValue", readable);
const server = new ExpressAdapter();
createBullBoard({ queues: [adapter], serverAdapter: server });
express().use(server.getRouter()).listen(3000);
