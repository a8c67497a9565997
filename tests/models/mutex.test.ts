import { testModels } from "./everyday.js";
import { models } from "./mutex.model.js";

testModels(models);
