import { testModels } from "./everyday.js";
import { models } from "./pipe.model.js";

testModels(models);
