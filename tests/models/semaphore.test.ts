import { testModels } from "./everyday.js";
import { models } from "./semaphore.model.js";

testModels(models);
