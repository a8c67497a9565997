import { testModels } from "./everyday.js";
import { models } from "./lock.model.js";

testModels(models);
