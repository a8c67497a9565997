import { testModels } from "./everyday.js";
import { models } from "./priority-queue.model.js";

testModels(models);
