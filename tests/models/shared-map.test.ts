import { testModels } from "./everyday.js";
import { models } from "./shared-map.model.js";

testModels(models);
