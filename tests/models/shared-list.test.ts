import { testModels } from "./everyday.js";
import { models } from "./shared-list.model.js";

testModels(models);
