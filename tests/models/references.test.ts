import { testModels } from "./everyday.js";
import { models } from "./references.model.js";

testModels(models);
