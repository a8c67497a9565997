/**
 * Worker of poolifier, as a process of node:cluster. Not a module: those load too late to hear the pool's first
 * message, and the pool then waits for ever.
 */
const { ClusterWorker } = require("poolifier");
const { jobs } = require("../jobs.js");

module.exports = new ClusterWorker(jobs);
