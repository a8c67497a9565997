import { testModels } from "./everyday.js";
import { models } from "./barrier.model.js";

testModels(models);
