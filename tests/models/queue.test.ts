import { testModels } from "./everyday.js";
import { models } from "./queue.model.js";

testModels(models);
