import { testModels } from "./everyday.js";
import { models } from "./registry.model.js";

testModels(models);
