import { testModels } from "./everyday.js";
import { models } from "./value.model.js";

testModels(models);
