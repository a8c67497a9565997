import { testModels } from "./everyday.js";
import { models } from "./select.model.js";

testModels(models);
