import { testModels } from "./everyday.js";
import { models } from "./wait-queue.model.js";

testModels(models);
