import { testModels } from "./everyday.js";
import { models } from "./condition.model.js";

testModels(models);
