import { testModels } from "./everyday.js";
import { models } from "./rwlock.model.js";

testModels(models);
