import { testModels } from "./everyday.js";
import { models } from "./findings.model.js";

testModels(models);
