import { testModels } from "./everyday.js";
import { models } from "./rlock.model.js";

testModels(models);
