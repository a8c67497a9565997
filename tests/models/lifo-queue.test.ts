import { testModels } from "./everyday.js";
import { models } from "./lifo-queue.model.js";

testModels(models);
